import { UsageError } from "../exit.js";
import { answer, broker, cancel } from "./answering.js";
import { type Command, command, endpointOption, entryId, jsonOption, ledgerOption, selection } from "./command.js";

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

const env = command({
  name: "runtime env",
  summary: "Print where the runtime is, for eval.",
  about: [
    "Shell lines that set ENDPOINT and TOKEN to those of the runtime that latchkey started. The token lets its holder do everything: eval the lines, and keep them out of files and off the screen. Exit code 3 when no runtime runs.",
  ],
  options: {},
  examples: [[`eval "$(latchkey runtime env)"`, "For programs that connect to it."]],
  run: async (_, io) => await (await import("./runtime.js")).env(io),
});

const keyNew = command({
  name: "key new",
  summary: "Print a new key for a ledger.",
  about: [
    "32 random bytes in base64url, as LATCHKEY_KEY takes them. A PostgreSQL ledger needs one; an SQLite ledger makes a key file beside it otherwise. It is kept nowhere: without it, what a ledger sealed is lost.",
  ],
  options: {},
  examples: [[`export LATCHKEY_KEY="$(latchkey key new)"`, "For the processes of this shell."]],
  run: async (_, io) => await (await import("./key.js")).newKey(io),
});

const keep = command({
  name: "keep",
  summary: "Hold sessions, record what they ask, deliver answers.",
  about: [
    "A keeper stays near the runtime. It holds every session from its birth, writes each request into the ledger, and gives answers to the runtime as they come. When the runtime goes away it waits and connects again. SIGTERM ends it cleanly; killed, it loses nothing that was written.",
    "Sessions that were there before the keeper are held when they are named, or when the ledger knows them: an attach to a session that is blocked would wedge it.",
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
    wait: { type: "boolean", about: "Wait until there is something to list." },
    quiet: { type: "boolean", short: "q", about: "Print ids alone." },
    ...jsonOption,
  },
  examples: [
    ["latchkey ls", "What waits now."],
    [
      "latchkey ls --wait --quiet --kind permission --state open",
      "The ids of open permissions, as soon as there are some.",
    ],
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
  run: async ({ values, operands }, io) =>
    await (await import("./show.js")).show(entryId(operands, "show"), values, io),
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
    await (await import("./show.js")).receipts(entryId(operands, "receipts"), values, io),
});

const doctor = command({
  name: "doctor",
  summary: "Look for what is wrong.",
  about: [
    "Looks at Node, the runtime and its token, the ledger and its key, clocks and file modes, and says what to do about each finding. Exit code 1 when something is wrong.",
  ],
  options: { ...ledgerOption, ...endpointOption, ...jsonOption },
  examples: [["latchkey doctor", "At two in the morning."]],
  run: async ({ values }, io) => await (await import("../doctor/doctor.js")).doctor(values, io),
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
    await (await import("../repl/repl.js")).repl(
      { ledger: values.ledger, endpoint: operands[0] ?? values.endpoint },
      io,
    ),
});

const keyDerive = command({
  name: "key derive",
  summary: "Print the key of one principal.",
  about: [
    "For a broker that works for one principal only: with this key it opens and seals what is theirs, and nothing else of the ledger. It is derived from the ledger's own key, which is taken from LATCHKEY_KEY, or from the key file beside an SQLite ledger, and never from the command line.",
    "The broker gets the printed key as LATCHKEY_KEY, and the name as LATCHKEY_PRINCIPAL.",
  ],
  options: {
    principal: { ...selection.principal, about: "Whose key." },
    ...ledgerOption,
  },
  examples: [["latchkey key derive --principal ada", "Printed in base64url. It is a secret."]],
  run: async ({ values }, io) => await (await import("./key.js")).derive(values, io),
});

const shells = ["bash", "zsh", "fish"] as const;

const completion = command({
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

const fake = command({
  name: "fake-runtime",
  summary: "Be a runtime for tests: no model, no servers.",
  about: [
    "Speaks the runtime's protocol on 127.0.0.1 and does with sessions, questions and answers what the real runtimes do. The first line that it prints says where; the token is that of COPILOT_CONNECTION_TOKEN, or follows from the seed. Runs until SIGTERM.",
    'Lines of JSON on standard input say what to do: {"do":"raise","sessionId":…,"kind":…,"data":…}, "script" with "replies", "revoke", "drop", "restart", "requests". What was done, and every answer that came, is a line of JSON on standard output.',
  ],
  options: {
    like: { type: "string", value: "VERSION", about: "1.0.85 or 1.0.102. Left out: 1.0.102." },
    seed: { type: "string", value: "TEXT", about: "Ids, the token and the places of faults follow from it." },
    port: { type: "string", value: "PORT", about: "Left out: a free one." },
    fault: {
      type: "string",
      multiple: true,
      value: "NAME",
      about: "What goes wrong, such as drop-reply or kill; again for another. docs/testing-your-host.md lists them.",
    },
  },
  examples: [["latchkey fake-runtime --like 1.0.85", "For the tests of a host in any language."]],
  run: async ({ values }, io) => await (await import("./fake-runtime.js")).runFakeRuntime(values, io),
});

/** All commands, as help, completion and the parser see them. The code that does the work is loaded when a command runs. */
export const commands: readonly Command[] = [
  ...[start, stop, status, env, keep],
  ...[ls, show, receipts, answer, cancel],
  ...[broker, doctor, repl, keyNew, keyDerive, fake, completion],
];
