import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

/** `user_input.requested`. Enable it by interest: the flag brings a second path that fails the question when its client drops. */
export const userInput = kind({
  event: "user_input.requested",
  completed: "user_input.completed",
  respond: "session.ui.handlePendingUserInput",
  enabledBy: ["interest", "requestUserInput"],
  open: shown({
    requestId: v.string(),
    question: v.string(),
    choices: v.exactOptional(v.array(v.string())),
    toolCallId: v.exactOptional(v.string()),
  }),
  answer: v.strictObject({ answer: v.string(), wasFreeform: v.boolean() }),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingUserInput", { requestId, response }, options),
  title: "Question",
  summary: (data) => [data.question],
  yes: undefined,
  no: undefined,
  text: { prompt: "Answer", secret: false, toAnswer: (answer) => ({ answer, wasFreeform: true }) },
  intent: (whole) => [whole.toolCallId ?? whole.requestId],
  retriesToolCall: false,
  blocks: false,
  toolCall: (data) => data.toolCallId,
});
