import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

/** `exit_plan_mode.requested`. Enable it by interest, as user input. */
export const exitPlanMode = kind({
  event: "exit_plan_mode.requested",
  completed: "exit_plan_mode.completed",
  respond: "session.ui.handlePendingExitPlanMode",
  enabledBy: ["interest", "requestExitPlanMode"],
  open: shown({ requestId: v.string(), summary: v.string(), actions: v.array(v.string()) }),
  answer: v.strictObject({
    approved: v.boolean(),
    selectedAction: v.exactOptional(v.picklist(["exit_only", "interactive", "autopilot", "autopilot_fleet"])),
    autoApproveEdits: v.exactOptional(v.boolean()),
    feedback: v.exactOptional(v.string()),
    deferImplementation: v.exactOptional(v.boolean()),
  }),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingExitPlanMode", { requestId, response }, options),
  title: "Plan",
  summary: (data) => [data.summary],
  yes: { approved: true },
  no: (feedback) => ({ approved: false, ...(feedback === undefined ? {} : { feedback }) }),
  text: undefined,
  retriesToolCall: false,
  blocks: false,
});
