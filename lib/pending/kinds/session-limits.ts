import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { finite, noSecrets, shown } from "./shapes.js";

/** `session_limits_exhausted.requested`. */
export const sessionLimits = kind({
  event: "session_limits_exhausted.requested",
  completed: "session_limits_exhausted.completed",
  respond: "session.ui.handlePendingSessionLimitsExhausted",
  enabledBy: ["sessionLimits"],
  open: shown({ requestId: v.string() }),
  answer: v.strictObject({
    action: v.picklist(["add", "set", "unset", "cancel"]),
    additionalAiCredits: v.exactOptional(finite),
    maxAiCredits: v.exactOptional(finite),
  }),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingSessionLimitsExhausted", { requestId, response }, options),
  title: "Credit limit",
  summary: ({ usedAiCredits: used, maxAiCredits: most }) =>
    [used, most].every(Number.isFinite) ? [`${used} of ${most} AI credits used`] : [],
  // A yes would have to say how much.
  yes: undefined,
  no: () => ({ action: "cancel" }),
  text: undefined,
  retriesToolCall: false,
  blocks: false,
});
