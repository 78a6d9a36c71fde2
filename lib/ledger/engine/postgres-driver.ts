import type postgres from "postgres";
import { LedgerError } from "../../base/errors.js";
import { importPeer } from "../../base/peer.js";

/** The package `postgres`, as it exports itself. */
export type PostgresDriver = typeof postgres;

/** @throws LedgerError `UNAVAILABLE` when it is not installed. */
export async function loadPostgres(): Promise<PostgresDriver> {
  try {
    return (await importPeer<{ default: PostgresDriver }>("postgres")).default;
  } catch (cause) {
    throw new LedgerError("UNAVAILABLE", 'a ledger on PostgreSQL needs the package "postgres"', cause);
  }
}
