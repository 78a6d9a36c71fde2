import type { Ledger } from "./contract.js";
import { type KeyOptions, openLedgerOn } from "./open.js";

export type * from "./contract.js";
export type { Dialect, Engine, Question, Replies, Row, Rule, Statement, Step, Taking, Value } from "./engine/engine.js";
export { type KeyOptions, openLedgerOn } from "./open.js";
export { deriveKey, type Key } from "./seal/keys.js";
export type { Outcome, State } from "./states.js";
export { moves, outcomes, states } from "./states.js";

/**
 * Opens a ledger: `"file.db"` and `":memory:"` are SQLite, `"postgres://…"` is PostgreSQL. Only the engine that is
 * asked for is loaded.
 * @throws LedgerError `WRONG_KEY` or `NEWER_FORMAT` before anything is changed; `UNAVAILABLE` when it cannot be reached, or its driver is
 * not installed; `DATABASE` when it refuses, or its files are not to be trusted. TypeError for a malformed location or key.
 * @example
 * ```ts
 * import { openLedger } from "latchkey/ledger";
 *
 * await using ledger = await openLedger("latchkey.db");
 * for (const { id, kind, state } of await ledger.list({ state: "open" })) console.log(id, kind, state);
 * ```
 */
export async function openLedger(location: string, options: KeyOptions = {}): Promise<Ledger> {
  if (typeof location !== "string" || location === "")
    throw new TypeError('"location" must be a path or a postgres: URL');
  if (/^postgres(ql)?:/.test(location)) {
    const { postgresEngine } = await import("./engine/postgres.js");
    return await openLedgerOn(await postgresEngine(location), options);
  }
  const { sqliteEngine } = await import("./engine/sqlite.js");
  return await openLedgerOn(await sqliteEngine(location), options);
}
