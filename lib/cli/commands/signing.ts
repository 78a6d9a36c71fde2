/** What came of signing in, and rights to answer that are given away. */
import { by, command, entryId, jsonOption, ledgerOption, selection, text } from "./command.js";

export const grants = command({
  name: "grants",
  summary: "List who has signed in where.",
  about: [
    "What authorization servers gave: for which principal and MCP server, with which scopes, until when. Tokens stay sealed. in-doubt says that a refresh token was presented and nobody saw the answer: the next sign-in settles it.",
  ],
  options: { ...ledgerOption, principal: selection.principal, ...jsonOption },
  examples: [["latchkey grants --principal ada", "Where ada has signed in."]],
  run: async ({ values }, io) => await (await import("./grants.js")).grants(values, io),
});

export const grantsForget = command({
  name: "grants forget",
  operands: "ID",
  completes: "grants",
  summary: "Sign out.",
  about: [
    "Revokes the tokens at their authorization server, and then forgets them here. What cannot be revoked is kept, unless --local is given. Answers that were given already stay with the runtime until they end.",
  ],
  options: {
    ...ledgerOption,
    local: { type: "boolean", about: "Forget it here alone: its authorization server is not told." },
    force: { type: "boolean", about: "With --local: also while a broker holds it." },
    "allow-http": { type: "boolean", about: "Allow http beyond loopback, on a network that is trusted as a whole." },
    ...by,
    ...jsonOption,
  },
  examples: [["latchkey grants forget 4e8c01d2", "The beginning of an id is enough."]],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("./grants.js")).forget(text(operands[0], "the grant's ID", "grants forget"), values, io),
});

export const ticket = command({
  name: "ticket",
  operands: "ID",
  completes: "entries",
  summary: "Make a ticket: the right to answer one entry, once.",
  about: [
    "For somebody who has neither the ledger nor its key. The ticket is printed and kept nowhere; the ledger has a digest of it. Whoever has it can answer that entry until it ends: give it to one person, by a way that nobody else reads.",
  ],
  options: {
    ...ledgerOption,
    for: { type: "string", value: "TIME", about: "How long it is good. 15m when left out." },
    link: { type: "string", value: "URL", about: "The inbox's URL: prints a link instead of the ticket." },
    ...by,
    ...jsonOption,
  },
  examples: [
    ["latchkey ticket 3f2a91c0 --for 1h --link https://inbox.example", "A link for the person who is to decide."],
  ],
  takes: 1,
  run: async ({ values, operands }, io) =>
    await (await import("./ticket.js")).ticket(entryId(operands, "ticket"), values, io),
});
