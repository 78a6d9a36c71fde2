import * as v from "valibot";
import { kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

/** A tool call of an MCP server waits for 180 s and then fails; an answer that comes later is accepted, and heard by nobody. */
const mcpToolLimitMs = 180_000;

/** JSON has no infinity: it would go out as null. */
const finite = v.pipe(v.number(), v.finite());
const field = v.union([v.string(), finite, v.boolean(), v.array(v.string())]);
const planAction = v.picklist(["exit_only", "interactive", "autopilot", "autopilot_fleet"]);

/** `elicitation.requested`, by an MCP server or by `session.ui.elicitation`. */
export const elicitation = kind({
  event: "elicitation.requested",
  completed: "elicitation.completed",
  respond: "session.ui.handlePendingElicitation",
  enabledBy: ["requestElicitation"],
  survivesRuntime: false,
  open: shown({
    requestId: v.string(),
    message: v.string(),
    toolCallId: v.exactOptional(v.string()),
    elicitationSource: v.exactOptional(v.string()),
  }),
  secrets: noSecrets,
  answer: v.strictObject({
    action: v.picklist(["accept", "decline", "cancel"]),
    content: v.exactOptional(v.record(v.string(), field)),
  }),
  intent: (whole) => [whole.elicitationSource ?? "", whole.toolCallId ?? whole.requestId],
  limitMs: (data) => (data.elicitationSource === undefined ? undefined : mcpToolLimitMs),
  send: (session, requestId, result, options) =>
    session.request("ui.handlePendingElicitation", { requestId, result }, options),
});

/** `user_input.requested`. Enable it by interest: the flag brings a second path that fails the question when its client drops. */
export const userInput = kind({
  event: "user_input.requested",
  completed: "user_input.completed",
  respond: "session.ui.handlePendingUserInput",
  enabledBy: ["interest", "requestUserInput"],
  survivesRuntime: false,
  open: shown({
    requestId: v.string(),
    question: v.string(),
    choices: v.exactOptional(v.array(v.string())),
    toolCallId: v.exactOptional(v.string()),
  }),
  secrets: noSecrets,
  answer: v.strictObject({ answer: v.string(), wasFreeform: v.boolean() }),
  intent: (whole) => [whole.toolCallId ?? whole.requestId],
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingUserInput", { requestId, response }, options),
});

/** `exit_plan_mode.requested`. Enable it by interest, as user input. */
export const exitPlanMode = kind({
  event: "exit_plan_mode.requested",
  completed: "exit_plan_mode.completed",
  respond: "session.ui.handlePendingExitPlanMode",
  enabledBy: ["interest", "requestExitPlanMode"],
  survivesRuntime: false,
  open: shown({ requestId: v.string(), summary: v.string(), actions: v.array(v.string()) }),
  secrets: noSecrets,
  answer: v.strictObject({
    approved: v.boolean(),
    selectedAction: v.exactOptional(planAction),
    autoApproveEdits: v.exactOptional(v.boolean()),
    feedback: v.exactOptional(v.string()),
    deferImplementation: v.exactOptional(v.boolean()),
  }),
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingExitPlanMode", { requestId, response }, options),
});

/** `sampling.requested`: an MCP server asks for a completion. An answer without `response` declines. */
export const sampling = kind({
  event: "sampling.requested",
  completed: "sampling.completed",
  respond: "session.ui.handlePendingSampling",
  enabledBy: ["interest"],
  survivesRuntime: false,
  open: shown({ requestId: v.string(), serverName: v.string() }),
  secrets: noSecrets,
  answer: v.strictObject({
    /** MCP CreateMessageResult. */
    response: v.exactOptional(
      v.looseObject({ role: v.picklist(["assistant", "user"]), content: v.looseObject({}), model: v.string() }),
    ),
  }),
  limitMs: () => mcpToolLimitMs,
  send: (session, requestId, answer, options) =>
    session.request("ui.handlePendingSampling", { requestId, ...answer }, options),
});

/** `auto_mode_switch.requested`. */
export const autoModeSwitch = kind({
  event: "auto_mode_switch.requested",
  completed: "auto_mode_switch.completed",
  respond: "session.ui.handlePendingAutoModeSwitch",
  enabledBy: ["requestAutoModeSwitch"],
  survivesRuntime: false,
  open: shown({ requestId: v.string() }),
  secrets: noSecrets,
  answer: v.picklist(["yes", "yes_always", "no"]),
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingAutoModeSwitch", { requestId, response }, options),
});

/** `session_limits_exhausted.requested`. */
export const sessionLimits = kind({
  event: "session_limits_exhausted.requested",
  completed: "session_limits_exhausted.completed",
  respond: "session.ui.handlePendingSessionLimitsExhausted",
  enabledBy: ["sessionLimits"],
  survivesRuntime: false,
  open: shown({ requestId: v.string() }),
  secrets: noSecrets,
  answer: v.strictObject({
    action: v.picklist(["add", "set", "unset", "cancel"]),
    additionalAiCredits: v.exactOptional(finite),
    maxAiCredits: v.exactOptional(finite),
  }),
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingSessionLimitsExhausted", { requestId, response }, options),
});
