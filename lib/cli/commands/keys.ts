/** Keys of ledgers. */
import { command, ledgerOption, selection } from "./command.js";

export const keyNew = command({
  name: "key new",
  summary: "Print a new key for a ledger.",
  about: [
    "32 random bytes in base64url, as LATCHKEY_KEY takes them. A PostgreSQL ledger needs one; an SQLite ledger makes a key file beside it otherwise. It is kept nowhere: without it, what a ledger sealed is lost.",
  ],
  options: {},
  examples: [
    [`export LATCHKEY_KEY="$(latchkey key new)"`, "For the processes of this shell."],
    ["latchkey key new | secret-tool store --label latchkey app latchkey", "Into the desktop's keychain."],
    ["export LATCHKEY_KEY_COMMAND='secret-tool lookup app latchkey'", "And from there, each time."],
  ],
  run: async (_, io) => await (await import("./key.js")).newKey(io),
});

export const keyDerive = command({
  name: "key derive",
  summary: "Print the key of one principal.",
  about: [
    "For a broker that works for one principal only: with this key it opens and seals what is theirs, and nothing else of the ledger. It is derived from the ledger's own key, which is taken from LATCHKEY_KEY, from LATCHKEY_KEY_COMMAND, or from the key file beside an SQLite ledger, and never from the command line.",
    "The broker gets the printed key as LATCHKEY_KEY, and the name as LATCHKEY_PRINCIPAL.",
  ],
  options: {
    principal: { ...selection.principal, about: "Whose key." },
    ...ledgerOption,
  },
  examples: [["latchkey key derive --principal ada", "Printed in base64url. It is a secret."]],
  run: async ({ values }, io) => await (await import("./key.js")).derive(values, io),
});
