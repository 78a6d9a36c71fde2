import { LedgerError } from "../../base/errors.js";
import { importPeer } from "../../base/peer.js";
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
  try {
    // An import by its name is more than some bundlers and Jest can resolve.
    const own = process.getBuiltinModule?.("node:sqlite");
    const module = isSqlite(own) ? own : await importPeer<{ DatabaseSync: Open }>("@photostructure/sqlite");
    return module.DatabaseSync;
  } catch (error) {
    throw new LedgerError(
      "UNAVAILABLE",
      "this Node has no node:sqlite, and @photostructure/sqlite is not installed",
      error,
    );
  }
}

const isSqlite = (module: object | undefined): module is { DatabaseSync: Open } =>
  module !== undefined && "DatabaseSync" in module;
