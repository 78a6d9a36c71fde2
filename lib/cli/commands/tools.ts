/** Help for people at a shell. */
import { UsageError } from "../exit.js";
import { command, endpointOption, jsonOption, ledgerOption } from "./command.js";

export const doctor = command({
  name: "doctor",
  summary: "Look for what is wrong.",
  about: [
    "Looks at Node, the runtime and its token, the ledger and its key, clocks and file modes, and says what to do about each finding. Exit code 1 when something is wrong.",
  ],
  options: { ...ledgerOption, ...endpointOption, ...jsonOption },
  examples: [["latchkey doctor", "At two in the morning."]],
  run: async ({ values }, io) => await (await import("../doctor/doctor.js")).doctor(values, io),
});

export const repl = command({
  name: "repl",
  operands: "[ENDPOINT]",
  summary: "Work by hand, in JavaScript.",
  about: [
    "A Node REPL with rpc, ledger, events, session(id), pending(), show(id), answer(id), cancel(id), hold(id) and every name of the package in scope. It works with a runtime, and with a ledger alone. .help inside says more.",
  ],
  options: { ...ledgerOption, ...endpointOption },
  examples: [
    ["latchkey repl", "With the runtime that was started."],
    ["latchkey repl tcp://127.0.0.1:4321", "With another."],
  ],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("../repl/repl.js")).repl(
      { ledger: values.ledger, endpoint: operands[0] ?? values.endpoint },
      io,
    ),
});

const shells = ["bash", "zsh", "fish"] as const;

export const completion = command({
  name: "completion",
  operands: "bash|zsh|fish",
  completes: "shells",
  summary: "Print the completion script of a shell.",
  about: ["Completes commands, options, kinds, states and the ids of pending entries."],
  options: {},
  examples: [
    [`eval "$(latchkey completion bash)"`, "In ~/.bashrc."],
    [`eval "$(latchkey completion zsh)"`, "In ~/.zshrc, after compinit."],
    ["latchkey completion fish | source", "In ~/.config/fish/config.fish."],
  ],
  takes: 1,
  run: async ({ operands }, io) => {
    const shell = shells.find((each) => each === operands[0]);
    if (shell === undefined) throw new UsageError(`say one of: ${shells.join(", ")}`, "completion");
    return await (await import("./completion.js")).script(shell, io);
  },
});
