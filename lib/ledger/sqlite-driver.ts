import { LedgerError } from "../errors.js";
import type { Value } from "./engine.js";

/** What the ledger uses of `node:sqlite`. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): { all(...params: Value[]): unknown[] };
  close(): void;
}

type Open = new (path: string) => Database;

/** Node's own SQLite, or on Node 20 the package with the same interface. */
export async function loadSqlite(): Promise<Open> {
  const missing: unknown[] = [];
  for (const name of ["node:sqlite", "@photostructure/sqlite"]) {
    try {
      const module: { DatabaseSync: Open } = await import(name);
      return module.DatabaseSync;
    } catch (error) {
      missing.push(error);
    }
  }
  throw new LedgerError(
    "UNAVAILABLE",
    "this Node has no node:sqlite, and @photostructure/sqlite is not installed",
    new AggregateError(missing),
  );
}
