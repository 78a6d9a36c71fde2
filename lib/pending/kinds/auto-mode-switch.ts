import * as v from "valibot";
import { ephemeral, kind } from "./kind.js";
import { noSecrets, shown } from "./shapes.js";

/** `auto_mode_switch.requested`. */
export const autoModeSwitch = kind({
  event: "auto_mode_switch.requested",
  completed: "auto_mode_switch.completed",
  respond: "session.ui.handlePendingAutoModeSwitch",
  enabledBy: ["requestAutoModeSwitch"],
  open: shown({ requestId: v.string() }),
  answer: v.picklist(["yes", "yes_always", "no"]),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, response, options) =>
    session.request("ui.handlePendingAutoModeSwitch", { requestId, response }, options),
  title: "Model switch",
  summary: (data) => [data.errorCode],
  yes: "yes",
  no: () => "no",
  text: undefined,
  retriesToolCall: false,
  blocks: false,
});
