import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

/** `command.execute`: a slash command that the client listed in `commands`. The runtime answers `success: true` whatever it is told. */
export const commandExecute = kind({
  event: "command.execute",
  completed: "command.completed",
  respond: "session.commands.handlePendingCommand",
  enabledBy: ["commands"],
  open: shown({ requestId: v.string(), commandName: v.string(), args: v.string() }),
  answer: v.strictObject({ error: v.exactOptional(v.string()) }),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, answer, options) =>
    session.request("commands.handlePendingCommand", { requestId, ...answer }, options),
  title: "Command",
  summary: (data) => [data.commandName, data.args],
  yes: {},
  no: (error = "denied") => ({ error }),
  text: undefined,
  retriesToolCall: false,
  // `commands.execute` waits for it.
  blocks: true,
});
