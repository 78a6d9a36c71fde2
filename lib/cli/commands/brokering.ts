/** Answers by programs: brokers, and what goes with them. */
import { by, command, jsonOption, ledgerOption, selection } from "./command.js";

export const broker = command({
  name: "broker",
  summary: "Answer by a command of yours, in any language.",
  about: [
    "Claims one need after the other and runs the command for each: the request comes as JSON on its standard input, secrets included, and its standard output must be the answer as JSON. It needs no connection to the runtime. However many brokers run, on however many machines, each need is worked on once.",
    "Exit code 0 of the command answers; 77 cancels; 75 or any other, a signal, or an answer that is none, gives the claim back to be tried again, a second later, then two, then four. The lease is kept alive while the command runs. The command and all that it started are killed when the lease is lost, when nobody waits for the answer any more, and when the broker ends, by kill -9 too.",
  ],
  options: {
    ...ledgerOption,
    exec: { type: "string", short: "x", value: "COMMAND", about: "The shell command." },
    ...selection,
    jobs: { type: "string", short: "j", value: "N", about: "So many at a time. 1 when left out." },
    lease: {
      type: "string",
      value: "TIME",
      about: "How long a claim lives without a sign of this broker: seconds, or 5m. 60 when left out.",
    },
    once: { type: "boolean", about: "End after one. Exit code 1 when it was given back." },
    ...by,
    ...jsonOption,
  },
  examples: [
    ["latchkey broker --kind mcp.oauth_required --exec ./broker.py", "An auth broker in Python."],
    [`latchkey broker --kind permission --exec 'echo "{\\"kind\\":\\"approve-once\\"}"'`, "Yes to everything."],
  ],
  run: async ({ values }, io) => await (await import("./broker.js")).broker(values, io),
});
