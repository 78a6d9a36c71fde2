/** What only looks at the ledger, or keeps house in it. */
import { command, entryId, jsonOption, ledgerOption, selection } from "./command.js";

export const ls = command({
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

export const show = command({
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

export const receipts = command({
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

export const prune = command({
  name: "prune",
  summary: "Delete what is over.",
  about: [
    "Deletes entries that are settled, superseded, expired, cancelled or lost, and have not changed for so long. What somebody waits for stays, however old. Their receipts stay too, unless --receipts says for how long. It may run while others work.",
    "Grants are not deleted: latchkey grants forget does that.",
  ],
  options: {
    ...ledgerOption,
    older: { type: "string", value: "TIME", about: "Not changed for so long: 30d, 12h, 15m." },
    receipts: { type: "string", value: "TIME", about: "Delete receipts that are older, of entries that are gone." },
    ...jsonOption,
  },
  examples: [
    ["latchkey prune --older 30d", "Once a day, from cron."],
    ["latchkey prune --older 30d --receipts 365d", "Receipts are kept for a year."],
  ],
  run: async ({ values }, io) => await (await import("./prune.js")).prune(values, io),
});
