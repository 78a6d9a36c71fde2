import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

/** `command.queued`: a command that `session.commands.enqueue` put in the queue. Without interest it is dropped in silence. */
export const commandQueued = kind({
  event: "command.queued",
  completed: "command.completed",
  respond: "session.commands.respondToQueuedCommand",
  enabledBy: ["interest"],
  open: shown({ requestId: v.string(), command: v.string() }),
  answer: v.variant("handled", [
    v.strictObject({ handled: v.literal(true), stopProcessingQueue: v.exactOptional(v.boolean()) }),
    v.strictObject({ handled: v.literal(false) }),
  ]),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, result, options) =>
    session.request("commands.respondToQueuedCommand", { requestId, result }, options),
  title: "Queued command",
  summary: (data) => [data.command],
  yes: { handled: true },
  no: () => ({ handled: false }),
  text: undefined,
  retriesToolCall: false,
  blocks: false,
});
