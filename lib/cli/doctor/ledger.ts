import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { LatchkeyError } from "../../base/errors.js";
import type { Ledger, State } from "../../ledger/index.js";
import { allEntries } from "../../ledger/internal.js";
import { age } from "../duration.js";
import { pendingStates, shortId } from "../entries.js";
import { explainShort } from "../exit.js";
import { hasKeyCommand } from "../key-command.js";
import { ledgerLocation, reachLedger, shownLocation } from "../reach.js";
import { stateFolder } from "../state-folder.js";
import type { Finding } from "./finding.js";
import { mode } from "./runtime.js";

const about = "ledger";
const skewMs = 2000;
const staleMs = 3_600_000;

const advice: Record<string, string> = {
  WRONG_KEY:
    "Set LATCHKEY_KEY, or LATCHKEY_KEY_COMMAND, to the key that the ledger was made with; for SQLite the .key file beside it holds it. Without it what is sealed is lost.",
  NEWER_FORMAT: "Use the latchkey that wrote it, or a newer one.",
  UNAVAILABLE: "Look whether the database runs and lets this user in; on Node 20 SQLite needs @photostructure/sqlite.",
};

export async function* ledgerFindings(option: string | undefined): AsyncGenerator<Finding> {
  const location = ledgerLocation(option);
  const shown = shownLocation(location);
  const file = shown === location && location !== ":memory:";
  if (shown === location) yield* driver();
  if (file && !existsSync(location)) {
    yield { about, state: "odd", what: `there is none at ${shown}`, todo: "latchkey keep makes it, or give --ledger." };
    return;
  }
  if (option !== undefined && /^postgres(ql)?:\/\/[^/@]*:[^/@]*@/.test(option))
    yield {
      about,
      state: "bad",
      what: "a password is on the command line",
      todo: "Put the URL into LATCHKEY_LEDGER: every local user can read arguments.",
    };
  if (file) yield* modes(location);
  let ledger: Ledger;
  try {
    ledger = await reachLedger(option);
  } catch (error) {
    const todo = error instanceof LatchkeyError ? advice[error.code] : undefined;
    const what = `${shown}: ${explainShort(error)}`;
    yield { about, state: "bad", what, todo: todo ?? "Look at the location." };
    return;
  }
  try {
    yield { about, state: "well", what: `${shown} opens` };
    yield key(file);
    yield* contents(ledger);
  } finally {
    await ledger.close();
  }
}

/** Before there is a file: the first command that makes one should not be the one to find out. */
async function* driver(): AsyncGenerator<Finding> {
  const { openLedger } = await import("../../ledger/index.js");
  try {
    await (await openLedger(":memory:", { key: new Uint8Array(32) })).close();
  } catch (error) {
    const todo = "Use Node 22.13 or newer, or npm install @photostructure/sqlite.";
    yield { about: "sqlite", state: "bad", what: explainShort(error), todo };
  }
}

async function* modes(location: string): AsyncGenerator<Finding> {
  const folder = dirname(location);
  if (folder !== stateFolder()) {
    const finding = await mode(folder, 0o755);
    if (finding?.state === "bad") yield finding;
  }
  for (const end of ["", "-wal", "-shm", ".key"]) {
    const finding = await mode(`${location}${end}`, 0o600);
    if (finding !== undefined) yield finding;
  }
}

function key(file: boolean): Finding {
  if (process.env.LATCHKEY_KEY) return { about: "key", state: "well", what: "LATCHKEY_KEY opens it" };
  if (hasKeyCommand()) return { about: "key", state: "well", what: "what LATCHKEY_KEY_COMMAND prints opens it" };
  const what = "the key file beside the database opens it";
  return file
    ? { about: "key", state: "well", what }
    : {
        about: "key",
        state: "odd",
        what: "it opens without LATCHKEY_KEY",
        todo: "Set LATCHKEY_KEY or LATCHKEY_KEY_COMMAND.",
      };
}

async function* contents(ledger: Ledger): AsyncGenerator<Finding> {
  const counts = new Map<State, number>();
  let newest = 0;
  let oldest: { id: string; createdAt: Date } | undefined;
  for await (const entry of allEntries(ledger, { state: pendingStates })) {
    counts.set(entry.state, (counts.get(entry.state) ?? 0) + 1);
    newest = Math.max(newest, entry.updatedAt.getTime());
    if (entry.state === "open") oldest ??= entry;
  }
  const what = [...counts].map(([state, count]) => `${count} ${state}`).join(", ") || "nothing is pending";
  yield { about: "entries", state: "well", what };
  if (newest > Date.now() + skewMs)
    yield {
      about: "clock",
      state: "bad",
      what: `the ledger's clock is ${Math.round((newest - Date.now()) / 1000)} s ahead of this machine's`,
      todo: "Set both by the same time server. Claims go by the ledger's clock and stay exclusive; ages and expiries shown here are wrong.",
    };
  if (oldest !== undefined && Date.now() - oldest.createdAt.getTime() > staleMs)
    yield {
      about: "entries",
      state: "odd",
      what: `${shortId(oldest.id)} has been open for ${age(oldest.createdAt)}`,
      todo: "Look whether a broker works on its kind: latchkey receipts, latchkey answer, latchkey cancel.",
    };
  const undelivered = (counts.get("answered") ?? 0) + (counts.get("sent") ?? 0);
  if (undelivered > 0)
    yield {
      about: "entries",
      state: "odd",
      what: `${undelivered} answered and not given to the runtime yet`,
      todo: "latchkey keep delivers them, once the session is loaded.",
    };
}
