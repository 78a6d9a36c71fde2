import * as v from "valibot";
import type { ExternalToolTextResultForLlm } from "../../protocol/index.js";
import { ephemeral, kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

const result = v.custom<ExternalToolTextResultForLlm>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    "textResultForLlm" in value &&
    typeof value.textResultForLlm === "string",
  'an object with the text "textResultForLlm"',
);

/** `external_tool.requested`: a call of a tool that the client listed in `tools`. Its id survives a cold resume; it is not asked again. */
export const externalTool = kind({
  event: "external_tool.requested",
  completed: "external_tool.completed",
  respond: "session.tools.handlePendingToolCall",
  enabledBy: ["tools"],
  open: shown({ requestId: v.string(), toolCallId: v.string(), toolName: v.string() }),
  answer: v.union([
    v.strictObject({ result: v.union([v.string(), result]) }),
    /** Why the tool failed, for the model. */
    v.strictObject({ error: v.string() }),
  ]),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, answer, options) =>
    session.request("tools.handlePendingToolCall", { requestId, ...answer }, options),
  title: "Tool call",
  summary: (data) => [data.toolName],
  yes: undefined,
  no: (error = "denied") => ({ error }),
  text: { prompt: "Result", secret: false, toAnswer: (text) => ({ result: text }) },
  intent: (whole) => [whole.toolCallId],
  survivesRuntime: true,
  retriesToolCall: false,
  blocks: false,
  toolCall: (data) => data.toolCallId,
});
