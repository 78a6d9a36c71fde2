/** Answers by programs: brokers, and what tells people. */
import { by, command, healthOption, jsonOption, ledgerOption, type Options, selection } from "./command.js";

const signInOptions = {
  oauth: {
    type: "boolean",
    about:
      "Obtain tokens by OAuth. What is kept is used and refreshed without anybody; for the rest, one of the next four.",
  },
  browser: {
    type: "boolean",
    about: "With --oauth: open a browser here, print the URL too, and take it back on loopback.",
  },
  device: {
    type: "boolean",
    about: "With --oauth: show a code for another device, and go on with it after a restart.",
  },
  paste: {
    type: "boolean",
    about:
      "With --oauth: print the URL, for a browser anywhere. The address that it ends on is pasted here, or given to latchkey finish.",
  },
  "no-person": { type: "boolean", about: "With --oauth: leave what needs a person to others." },
  "client-id": { type: "string", value: "ID", about: "The client, where the authorization server knows one." },
  "client-secret-file": {
    type: "string",
    value: "FILE",
    choices: "files",
    about: "Its secret; - is standard input. Needs --issuer.",
  },
  "client-key-file": {
    type: "string",
    value: "FILE",
    choices: "files",
    about: "Its private key in PEM, for private_key_jwt.",
  },
  issuer: {
    type: "string",
    value: "URL",
    about: "The authorization server that --client-id belongs to. Others are refused.",
  },
  "client-metadata-url": { type: "string", value: "URL", about: "The client's own metadata document." },
  "client-name": {
    type: "string",
    value: "NAME",
    about: "As people see it on the consent page. latchkey when left out.",
  },
  "new-client": { type: "boolean", about: "Register anew, though a client of that server is kept." },
  "client-credentials": {
    type: "boolean",
    about: "A token for the client itself, whatever the request says. Nobody signs in.",
  },
  "try-in-doubt": {
    type: "boolean",
    about: "Present a refresh token once more that may have been spent, for servers that do not take that for theft.",
  },
  port: { type: "string", value: "PORT", about: "Where the browser comes back to, on 127.0.0.1. 17845 when left out." },
  "redirect-uri": {
    type: "string",
    value: "URL",
    about: "With --paste: where the browser ends, if not on loopback.",
  },
  "allow-http": { type: "boolean", about: "Allow http beyond loopback, on a network that is trusted as a whole." },
} as const satisfies Options;

export const broker = command({
  name: "broker",
  summary: "Answer by a command of yours, or sign in by OAuth.",
  about: [
    "With --exec it claims one need after the other and runs the command for each: the request comes as JSON on its standard input, secrets included, and its standard output must be the answer as JSON. It needs no connection to the runtime. However many brokers run, on however many machines, each need is worked on once.",
    "Exit code 0 of the command answers; 77 cancels; 75 or any other, a signal, or an answer that is none, gives the claim back to be tried again, a second later, then two, then four. The lease is kept alive while the command runs. The command and all that it started are killed when the lease is lost, when nobody waits for the answer any more, and when the broker ends, by kill -9 too.",
    "With --oauth it answers requests for tokens by itself. What needs no person goes first, and goes on while somebody signs in; one sign-in serves all sessions of the principal. Clients are chosen as the MCP specification says: --client-id, or what the session's configuration names; --client-metadata-url; registration, once for an authorization server. It logs a line for each step. A link to sign in is for the person on whose behalf the token is obtained, and for nobody else.",
  ],
  options: {
    ...ledgerOption,
    exec: { type: "string", short: "x", value: "COMMAND", about: "The shell command." },
    ...signInOptions,
    ...selection,
    jobs: {
      type: "string",
      short: "j",
      value: "N",
      about: "So many at a time; with --oauth, so many sign-ins. 1 when left out.",
    },
    lease: {
      type: "string",
      value: "TIME",
      about: "How long a claim lives without a sign of this broker: seconds, or 5m. 60 when left out, 15 with --oauth.",
    },
    once: { type: "boolean", about: "End after one. Exit code 1 when it was given back." },
    ...by,
    ...healthOption,
    ...jsonOption,
  },
  examples: [
    ["latchkey broker --kind mcp.oauth_required --exec ./broker.py", "An auth broker in Python."],
    [`latchkey broker --kind permission --exec 'echo "{\\"kind\\":\\"approve-once\\"}"'`, "Yes to everything."],
    ["latchkey broker --oauth --browser", "Signs in at this desk."],
    ["latchkey broker --oauth --device", "On a server, by a code that is typed elsewhere."],
    ["latchkey broker --oauth --no-person", "Refreshes only, beside an inbox where people sign in."],
  ],
  run: async ({ values }, io) => await (await import("./broker.js")).broker(values, io),
});

export const finish = command({
  name: "finish",
  operands: "[URL]",
  summary: "End a sign-in by the address that a browser ended on.",
  about: [
    "Takes the callback URL of a sign-in that any process began: a broker that was killed, a browser that came back to the wrong machine. The sign-in is found in the ledger by the state in the URL, so it needs nothing else of who began it. Without an operand the address is asked for, or read from standard input: it is good once, and arguments can be seen by every local process.",
    "A process that began it and was killed has its claim for some seconds more; that is waited for. One that is alive is not disturbed: paste the address there.",
  ],
  options: {
    ...ledgerOption,
    "allow-http": signInOptions["allow-http"],
    ...by,
    ...jsonOption,
  },
  examples: [["latchkey finish", "Asks for the address."]],
  takes: 1,
  run: async ({ values, operands }, io) => await (await import("./finish.js")).finish(operands[0], values, io),
});

export const notify = command({
  name: "notify",
  summary: "Tell somebody of each need, once.",
  about: [
    "For each need it runs a command with the request as JSON on its standard input, or posts the same to a webhook. Secrets stay sealed; with --link the JSON has a link to an inbox with a ticket for the entry, which is a secret. What was told is noted in the ledger, so that no restart and no second notifier tells it again. One that was killed in between is told again, with again: true.",
    "A command that fails, or a webhook that does not answer with 2xx, is tried again a second later, then two, up to a quarter of an hour, as long as somebody waits for an answer. Nothing is lost while it fails.",
    "A webhook's body is signed: latchkey-signature is v1= and the HMAC with SHA-256 of the timestamp, a full stop and the body, in hex. Needs are told once for each --name.",
  ],
  options: {
    ...ledgerOption,
    exec: { type: "string", short: "x", value: "COMMAND", about: "The shell command." },
    webhook: { type: "string", value: "URL", about: "Where to post to: https, or http on loopback." },
    "secret-file": {
      type: "string",
      value: "FILE",
      choices: "files",
      about: "What a webhook is signed with. Left out: LATCHKEY_WEBHOOK_SECRET.",
    },
    link: { type: "string", value: "URL", about: "The inbox's URL: the JSON has a link with a ticket." },
    for: { type: "string", value: "TIME", about: "How long a ticket is good. 15m when left out." },
    after: { type: "string", value: "TIME", about: "Only what still waits after so long." },
    ...selection,
    name: { type: "string", value: "NAME", about: "Who is told. notify when left out." },
    timeout: {
      type: "string",
      value: "TIME",
      about: "How long the command or the webhook may take. 30s when left out.",
    },
    once: { type: "boolean", about: "Tell what waits now, and end. Exit code 3 when there was nothing to tell." },
    ...by,
    ...healthOption,
    ...jsonOption,
  },
  examples: [
    ["latchkey notify --exec 'jq -r .what | mail -s latchkey ada@example.org'", "A mail for each need."],
    ["latchkey notify --webhook https://chat.example/hook --link https://inbox.example", "A link that answers."],
    ["latchkey notify --after 30s --exec ./page-somebody", "Nobody is told of what a broker answers by itself."],
  ],
  run: async ({ values }, io) => await (await import("./notify.js")).notify(values, io),
});
