import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { finite, mcpToolLimitMs, noSecrets, shown } from "./shapes.js";

const field = v.union([v.string(), finite, v.boolean(), v.array(v.string())]);

/** `elicitation.requested`, by an MCP server or by `session.ui.elicitation`. */
export const elicitation = kind({
  event: "elicitation.requested",
  completed: "elicitation.completed",
  respond: "session.ui.handlePendingElicitation",
  enabledBy: ["requestElicitation"],
  open: shown({
    requestId: v.string(),
    message: v.string(),
    toolCallId: v.exactOptional(v.string()),
    elicitationSource: v.exactOptional(v.string()),
  }),
  answer: v.strictObject({
    action: v.picklist(["accept", "decline", "cancel"]),
    content: v.exactOptional(v.record(v.string(), field)),
  }),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, result, options) =>
    session.request("ui.handlePendingElicitation", { requestId, result }, options),
  title: "Form",
  summary: (data) => [data.elicitationSource, data.message],
  yes: { action: "accept" },
  no: () => ({ action: "decline" }),
  text: undefined,
  intent: (whole) => [whole.elicitationSource ?? "", whole.toolCallId ?? whole.requestId],
  retriesToolCall: true,
  // Without a source no MCP server asked, but a call of `ui.elicitation`.
  blocks: (data) => data.elicitationSource === undefined,
  toolCall: (data) => data.toolCallId,
  limitMs: (data) => (data.elicitationSource === undefined ? undefined : mcpToolLimitMs),
});
