import { command, count, entryId, jsonOption, ledgerOption, type Options, selection } from "./command.js";

const by = {
  by: { type: "string", value: "NAME", about: "Who does it, for the receipts." },
} as const satisfies Options;

export const answer = command({
  name: "answer",
  operands: "ID",
  completes: "entries",
  summary: "Answer an entry.",
  about: [
    "An OAuth token, dynamic headers, a tool's result or the text of an answer is read from standard input; at a terminal it is asked for, secrets without echo. Nothing secret is taken from the command line. Yes and no are --approve and --deny. Anything else is --json: then the answer is read as JSON, and the entry is printed as JSON.",
    "An entry that a broker has claimed is refused. With --exec the entry is claimed, the command gets the request as JSON on its standard input, and what it prints is the answer.",
  ],
  options: {
    ...ledgerOption,
    approve: { type: "boolean", about: "Yes: a permission once, a plan, a switch, an elicitation, a command." },
    "approve-once": { type: "boolean", about: "The same, as the runtime calls it." },
    "approve-for-session": { type: "boolean", about: "A permission, until the session ends." },
    deny: {
      type: "boolean",
      about: "No, for every kind that knows one: an OAuth request is cancelled, a tool call fails.",
    },
    feedback: { type: "string", value: "TEXT", mayBeEmpty: true, about: "With --deny: why, for the model to read." },
    exec: {
      type: "string",
      short: "x",
      value: "COMMAND",
      about: "A shell command whose standard output is the answer.",
    },
    account: { type: "string", value: "NAME", about: "Whose account it is, for people to see." },
    "expires-in": { type: "string", value: "SECONDS", about: "How long a token or headers are good." },
    "token-type": { type: "string", value: "TYPE", about: "The token's type. Bearer when left out." },
    ...by,
    json: { type: "boolean", about: "JSON in and out." },
  },
  examples: [
    ["latchkey answer 3f2a91c0", "Asks for the token, without echo."],
    ["get-token | latchkey answer 3f2a91c0 --expires-in 3600", "From a pipe."],
    ["latchkey answer 3f2a91c0 --exec 'pass show notes/token'", "From a command."],
    ["latchkey answer 77d0c4e1 --deny --feedback 'not on a Friday'", "No."],
    [`echo '{"action":"decline"}' | latchkey answer 5b1e00aa --json`, "Any kind, as JSON."],
  ],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("./answer.js")).answer(
      entryId(operands, "answer"),
      { ...values, expiresIn: count(values["expires-in"], "expires-in") },
      io,
    ),
});

export const cancel = command({
  name: "cancel",
  operands: "ID",
  completes: "entries",
  summary: "Take an entry off the list.",
  about: [
    "Nobody is asked for an answer any more, and an answer that was not sent yet is not given to it. The runtime is not told: to tell it no, use answer --deny.",
    "An entry that a broker has claimed is refused, unless --force is given.",
  ],
  options: {
    ...ledgerOption,
    reason: { type: "string", short: "r", value: "TEXT", mayBeEmpty: true, about: "Why, for the receipts." },
    force: { type: "boolean", about: "Also while a broker works on it." },
    ...by,
    ...jsonOption,
  },
  examples: [["latchkey cancel 3f2a91c0 --reason 'the session is over'", "Nobody works on it from now on."]],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("./answer.js")).cancel(entryId(operands, "cancel"), values, io),
});

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
      value: "SECONDS",
      about: "How long a claim lives without a sign of this broker. 60 when left out.",
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
