import * as v from "valibot";
import { kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

/** `command.execute`: a slash command that the client listed in `commands`. The runtime answers `success: true` whatever it is told. */
export const command = kind({
  event: "command.execute",
  completed: "command.completed",
  respond: "session.commands.handlePendingCommand",
  enabledBy: ["commands"],
  survivesRuntime: false,
  open: shown({ requestId: v.string(), commandName: v.string(), args: v.string() }),
  secrets: noSecrets,
  answer: v.strictObject({ error: v.exactOptional(v.string()) }),
  send: (session, requestId, answer, options) =>
    session.request("commands.handlePendingCommand", { requestId, ...answer }, options),
});

/** `command.queued`: a command that `session.commands.enqueue` put in the queue. Without interest it is dropped in silence. */
export const queuedCommand = kind({
  event: "command.queued",
  completed: "command.completed",
  respond: "session.commands.respondToQueuedCommand",
  enabledBy: ["interest"],
  survivesRuntime: false,
  open: shown({ requestId: v.string(), command: v.string() }),
  secrets: noSecrets,
  answer: v.variant("handled", [
    v.strictObject({ handled: v.literal(true), stopProcessingQueue: v.exactOptional(v.boolean()) }),
    v.strictObject({ handled: v.literal(false) }),
  ]),
  send: (session, requestId, result, options) =>
    session.request("commands.respondToQueuedCommand", { requestId, result }, options),
});
