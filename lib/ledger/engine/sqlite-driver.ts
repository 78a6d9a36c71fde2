import { createRequire, isBuiltin } from "node:module";
import { LedgerError } from "../../base/errors.js";
import type { Value } from "./engine.js";

/** What the ledger uses of `node:sqlite`. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): { all(...params: Value[]): unknown[] };
  close(): void;
}

type Open = new (path: string) => Database;

/** Node's own SQLite, or on Node 20 the package with the same interface. */
export function loadSqlite(): Open {
  const load = createRequire(import.meta.url);
  try {
    const module: { DatabaseSync: Open } = load(isBuiltin("node:sqlite") ? "node:sqlite" : "@photostructure/sqlite");
    return module.DatabaseSync;
  } catch (error) {
    throw new LedgerError(
      "UNAVAILABLE",
      "this Node has no node:sqlite, and @photostructure/sqlite is not installed",
      error,
    );
  }
}
