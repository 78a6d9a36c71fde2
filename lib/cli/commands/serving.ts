import { command, healthOption, jsonOption, ledgerOption, selection } from "./command.js";

export const inbox = command({
  name: "inbox",
  summary: "Serve a web page of what waits, and open it.",
  about: [
    "A page for people: sign in, approve, answer, see what happened. It needs the ledger alone, listens on loopback, and runs until a signal ends it. A link that lets one browser in, once, is printed and opened; Enter prints another one.",
    "With --public-url it stands behind a proxy that signs people in and names the principal in a header; each sees their own. The secret that the proxy sends as x-latchkey-proxy comes from LATCHKEY_PROXY_SECRET.",
  ],
  options: {
    ...ledgerOption,
    port: {
      type: "string",
      value: "PORT",
      about:
        "Where to listen. 17846 when left out, so that a client that was registered can be used again; 0 is any that is free.",
    },
    host: {
      type: "string",
      value: "ADDRESS",
      about: "With --public-url: the address to listen at. 127.0.0.1 when left out.",
    },
    principal: selection.principal,
    "public-url": { type: "string", value: "URL", about: "The https origin at which the proxy offers it." },
    "principal-header": {
      type: "string",
      value: "NAME",
      about: "The header in which the proxy names the principal. x-forwarded-user when left out.",
    },
    owner: {
      type: "string",
      value: "NAME",
      about: "Who answers, for claims and receipts. The user of the system when left out.",
    },
    "no-open": { type: "boolean", about: "Open no browser." },
    "client-id": { type: "string", value: "ID", about: "The client that the authorization server of --issuer knows." },
    issuer: { type: "string", value: "URL", about: "The authorization server that --client-id is for." },
    "client-secret-file": { type: "string", value: "FILE", choices: "files", about: "The secret of that client." },
    "client-metadata-url": {
      type: "string",
      value: "URL",
      about: "The https URL of the client's own metadata document.",
    },
    "allow-http": { type: "boolean", about: "Allow http beyond loopback, on a network that is trusted as a whole." },
    ...healthOption,
    ...jsonOption,
  },
  examples: [
    ["latchkey inbox", "On this machine, in the browser."],
    ["latchkey inbox --principal ada --no-open", "What is asked on ada's behalf; prints the link alone."],
    ["latchkey inbox --public-url https://inbox.example", "For a team, behind a proxy."],
  ],
  run: async ({ values }, io) => await (await import("./inbox.js")).inbox(values, io),
});
