/** Answers by hand. */
import { by, command, entryId, jsonOption, ledgerOption, seconds } from "./command.js";

export const answer = command({
  name: "answer",
  operands: "ID",
  completes: "entries",
  summary: "Answer an entry.",
  about: [
    "An OAuth token, dynamic headers, a tool's result or the text of an answer is read from standard input; at a terminal it is asked for, secrets without echo. Nothing secret is taken from the command line. Yes and no are --approve and --deny. Anything else is --json: then the answer is read as JSON, and the entry is printed as JSON.",
    "At a terminal, without any of these, it shows the request and asks: y, n and the like for each answer that the kind knows, e for the answer as JSON in VISUAL or EDITOR. The entry is claimed meanwhile, so that nobody else works on it.",
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
    "expires-in": {
      type: "string",
      value: "TIME",
      about: "How long a token or headers are good: seconds, or 15m, 1h.",
    },
    "token-type": { type: "string", value: "TYPE", about: "The token's type. Bearer when left out." },
    ...by,
    json: { type: "boolean", about: "JSON in and out." },
  },
  examples: [
    ["latchkey answer 3f2a91c0", "Asks: for a token without echo, else for yes, no or an answer in JSON."],
    ["get-token | latchkey answer 3f2a91c0 --expires-in 3600", "From a pipe."],
    ["latchkey answer 3f2a91c0 --exec 'pass show notes/token'", "From a command."],
    ["latchkey answer 77d0c4e1 --deny --feedback 'not on a Friday'", "No."],
    [`echo '{"action":"decline"}' | latchkey answer 5b1e00aa --json`, "Any kind, as JSON."],
  ],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("./answer.js")).answer(
      entryId(operands, "answer"),
      { ...values, expiresIn: seconds(values["expires-in"], "expires-in") },
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
