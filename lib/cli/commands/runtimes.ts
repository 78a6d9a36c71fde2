/** What stands at the runtime: the runtime itself, its keeper, and the fake. */
import { command, endpointOption, healthOption, jsonOption, ledgerOption, selection } from "./command.js";

export const start = command({
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

export const stop = command({
  name: "runtime stop",
  summary: "End the runtime that was started.",
  about: [
    "Ends the process only while it answers under the token that it was started with: a process that got its id later is left alone.",
  ],
  options: { ...jsonOption },
  examples: [["latchkey runtime stop", "SIGTERM, and SIGKILL three seconds later."]],
  run: async ({ values }, io) => await (await import("./runtime.js")).stop(values, io),
});

export const status = command({
  name: "runtime status",
  summary: "Say whether the runtime runs.",
  about: ["Exit code 3 when it does not."],
  options: { ...jsonOption },
  examples: [["latchkey runtime status --json", "Endpoint, process id and version; the token is left out."]],
  run: async ({ values }, io) => await (await import("./runtime.js")).status(values, io),
});

export const env = command({
  name: "runtime env",
  summary: "Print where the runtime is, for eval.",
  about: [
    "Shell lines that set ENDPOINT and TOKEN to those of the runtime that latchkey started. The token lets its holder do everything: eval the lines, and keep them out of files and off the screen. Exit code 3 when no runtime runs.",
  ],
  options: {},
  examples: [[`eval "$(latchkey runtime env)"`, "For programs that connect to it."]],
  run: async (_, io) => await (await import("./runtime.js")).env(io),
});

export const keep = command({
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
    ...healthOption,
    ...jsonOption,
  },
  examples: [
    ["latchkey keep --principal ada", "Everything that is born from now on."],
    ["latchkey keep --interest mcp.oauth_required", "Ask for OAuth tokens though the host did not register interest."],
  ],
  run: async ({ values }, io) => await (await import("./keep.js")).keep(values, io),
});

export const fake = command({
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
