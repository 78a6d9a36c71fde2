import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { mcpToolLimitMs, noSecrets, shown } from "./shapes.js";

/** `sampling.requested`: an MCP server asks for a completion. An answer without `response` declines. */
export const sampling = kind({
  event: "sampling.requested",
  completed: "sampling.completed",
  respond: "session.ui.handlePendingSampling",
  enabledBy: ["interest"],
  open: shown({ requestId: v.string(), serverName: v.string() }),
  answer: v.strictObject({
    /** MCP CreateMessageResult. */
    response: v.exactOptional(
      v.looseObject({ role: v.picklist(["assistant", "user"]), content: v.looseObject({}), model: v.string() }),
    ),
  }),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, answer, options) =>
    session.request("ui.handlePendingSampling", { requestId, ...answer }, options),
  title: "Completion",
  summary: (data) => [data.serverName, data.message],
  yes: undefined,
  no: () => ({}),
  text: undefined,
  retriesToolCall: true,
  blocks: false,
  limitMs: () => mcpToolLimitMs,
});
