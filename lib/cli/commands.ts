import {
  type Command,
  command,
  count,
  endpointOption,
  jsonOption,
  ledgerOption,
  type Options,
  text,
} from "./command.js";
import { UsageError } from "./exit.js";

/** Every command as help, completion and the parser see it. What does the work is loaded when it runs. */

const selection = {
  kind: {
    type: "string",
    short: "k",
    multiple: true,
    value: "KIND",
    choices: "kinds",
    about: "Only this kind; again for another. The beginning of its name is enough.",
  },
  session: { type: "string", short: "s", multiple: true, value: "ID", about: "Only this session; again for another." },
  principal: { type: "string", short: "p", value: "NAME", about: "Only what is asked on this principal's behalf." },
} as const satisfies Options;

const by = {
  by: { type: "string", value: "NAME", about: "Who does it, for the receipts." },
} as const satisfies Options;
const entry = (operands: readonly string[], name: string): string => text(operands[0], "the entry's ID", name);

const start = command({
  name: "runtime start",
  operands: "[-- ARGUMENT…]",
  summary: "Start the runtime in the background.",
  about: [
    "Starts the Copilot runtime on a loopback port with a random token and leaves it running. Endpoint, token and process id go to runtime.json in latchkey's state folder, readable by its owner alone; the other commands find the runtime there. Started twice, the first stays.",
    "The runtime does not get LATCHKEY_KEY, LATCHKEY_LEDGER or another runtime's token from the environment.",
  ],
  options: {
    path: {
      type: "string",
      value: "FILE",
      choices: "files",
      about: "The runtime's program. Left out: COPILOT_CLI_PATH, an installed package, then copilot on PATH.",
    },
    home: { type: "string", value: "FOLDER", choices: "files", about: "A home folder of its own." },
    "log-level": { type: "string", value: "LEVEL", about: "none, error, warning, info, debug or all." },
    ...jsonOption,
  },
  examples: [["latchkey runtime start", "Start it, or say that it runs."]],
  takes: Number.POSITIVE_INFINITY,
  run: async ({ values, operands }, io) => await (await import("./runtime.js")).start(values, operands, io),
});

const stop = command({
  name: "runtime stop",
  summary: "End the runtime that was started.",
  about: [
    "Ends the process only while it answers under the token that it was started with: a process that got its id later is left alone.",
  ],
  options: { ...jsonOption },
  examples: [["latchkey runtime stop", "SIGTERM, and SIGKILL three seconds later."]],
  run: async ({ values }, io) => await (await import("./runtime.js")).stop(values, io),
});

const status = command({
  name: "runtime status",
  summary: "Say whether the runtime runs.",
  about: ["Exit code 3 when it does not."],
  options: { ...jsonOption },
  examples: [["latchkey runtime status --json", "Endpoint, process id and version; the token is left out."]],
  run: async ({ values }, io) => await (await import("./runtime.js")).status(values, io),
});

const keep = command({
  name: "keep",
  summary: "Hold sessions, record what they ask, deliver answers.",
  about: [
    "A keeper stays near the runtime. It holds every session from its birth, writes each request into the ledger, and gives answers to the runtime as they come. When the runtime goes away it waits and connects again. SIGTERM ends it cleanly; killed, it loses nothing that was written.",
    "Sessions that are there before the keeper are held only when they are named: an attach to a session that is blocked would wedge it.",
  ],
  options: {
    ...ledgerOption,
    ...endpointOption,
    session: {
      ...selection.session,
      about: "Hold this session, also one that is loaded already, and no others; again for more.",
    },
    kind: { ...selection.kind, about: "Record only this kind; again for another." },
    interest: {
      type: "string",
      short: "i",
      multiple: true,
      value: "EVENT",
      about:
        "Register interest in this event for each session held; again for another. Without it the session's host does.",
    },
    principal: {
      ...selection.principal,
      about: "On whose behalf answers are obtained. Without one no answer serves two sessions.",
    },
    "keep-elicitation": { type: "boolean", about: "Keep the sessions able to elicit when their host is gone." },
    "keep-mcp-apps": { type: "boolean", about: "Keep the sessions able to call MCP apps when their host is gone." },
    ...jsonOption,
  },
  examples: [
    ["latchkey keep --principal ada", "Everything that is born from now on."],
    ["latchkey keep --interest mcp.oauth_required", "Ask for OAuth tokens though the host did not register interest."],
  ],
  run: async ({ values }, io) => await (await import("./keep.js")).keep(values, io),
});

const ls = command({
  name: "ls",
  summary: "List what is pending.",
  about: [
    "Entries that somebody still waits for: open, answered, sent, or lost and perhaps asked again. IDs are shortened; every command takes them so.",
  ],
  options: {
    ...ledgerOption,
    all: { type: "boolean", short: "a", about: "Also what is over." },
    ...selection,
    state: {
      type: "string",
      multiple: true,
      value: "STATE",
      choices: "states",
      about: "Only this state; again for another.",
    },
    watch: {
      type: "boolean",
      short: "w",
      about: "Then go on with every transition as it happens, whichever process makes it.",
    },
    ...jsonOption,
  },
  examples: [
    ["latchkey ls", "What waits now."],
    ["latchkey ls --kind mcp.oauth --json | jq -r .id", "The ids of open OAuth requests."],
    ["latchkey ls --watch", "Look on."],
  ],
  run: async ({ values }, io) => await (await import("./list.js")).list(values, io),
});

const show = command({
  name: "show",
  operands: "ID",
  completes: "entries",
  summary: "Show one entry.",
  about: ["All that may be seen of it. Its secrets stay sealed."],
  options: { ...ledgerOption, ...jsonOption },
  examples: [["latchkey show 3f2a91c0", "The beginning of an id is enough."]],
  takes: 1,
  run: async ({ values, operands }, io) => await (await import("./show.js")).show(entry(operands, "show"), values, io),
});

const receipts = command({
  name: "receipts",
  operands: "ID",
  completes: "entries",
  summary: "Show what happened to an entry.",
  about: ["When, to which state, by whom, under which fence."],
  options: { ...ledgerOption, ...jsonOption },
  examples: [["latchkey receipts 3f2a91c0", "Its history, oldest first."]],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("./show.js")).receipts(entry(operands, "receipts"), values, io),
});

const answer = command({
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
    feedback: { type: "string", value: "TEXT", about: "With --deny: why, for the model to read." },
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
      entry(operands, "answer"),
      { ...values, expiresIn: count(values["expires-in"], "expires-in") },
      io,
    ),
});

const cancel = command({
  name: "cancel",
  operands: "ID",
  completes: "entries",
  summary: "Take an entry off the list.",
  about: ["Nobody is asked for an answer any more. The runtime is not told: to tell it no, use answer --deny."],
  options: {
    ...ledgerOption,
    reason: { type: "string", short: "r", value: "TEXT", about: "Why, for the receipts." },
    ...by,
    ...jsonOption,
  },
  examples: [["latchkey cancel 3f2a91c0 --reason 'the session is over'", "Nobody works on it from now on."]],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("./cancel.js")).cancel(entry(operands, "cancel"), values, io),
});

const broker = command({
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

const doctor = command({
  name: "doctor",
  summary: "Look for what is wrong.",
  about: [
    "Looks at Node, the runtime and its token, the ledger and its key, clocks and file modes, and says what to do about each finding. Exit code 1 when something is wrong.",
  ],
  options: { ...ledgerOption, ...endpointOption, ...jsonOption },
  examples: [["latchkey doctor", "At two in the morning."]],
  run: async ({ values }, io) => await (await import("./doctor.js")).doctor(values, io),
});

const repl = command({
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
    await (await import("./repl.js")).repl({ ledger: values.ledger, endpoint: operands[0] ?? values.endpoint }, io),
});

const completion = command({
  name: "completion",
  operands: "bash|zsh",
  completes: "shells",
  summary: "Print the completion script of a shell.",
  about: ["Completes commands, options, kinds, states and the ids of pending entries."],
  options: {},
  examples: [
    [`eval "$(latchkey completion bash)"`, "In ~/.bashrc."],
    [`eval "$(latchkey completion zsh)"`, "In ~/.zshrc, after compinit."],
  ],
  takes: 1,
  run: async ({ operands }, io) => {
    const shell = operands[0];
    if (shell !== "bash" && shell !== "zsh") throw new UsageError("say bash or zsh", "completion");
    return await (await import("./completion.js")).script(shell, io);
  },
});

export const commands: readonly Command[] = [
  ...[start, stop, status, keep],
  ...[ls, show, receipts, answer, cancel],
  ...[broker, doctor, repl, completion],
];
