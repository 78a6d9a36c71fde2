import { createHash } from "node:crypto";
import type { Dialect } from "./engine.js";

/**
 * A sequence alone does not number receipts in the order in which they become visible: a lower number may be committed after
 * a higher one was read. So each receipt gets its `seq` at commit, under a lock that is held until the commit is over.
 * No message of the client lies in between, so a host that disappears cannot hold the others up.
 */
export function postgresDialect(schema: string): Dialect {
  const literal = `'${schema.replaceAll("'", "''")}'`;
  return {
    name: "postgres",
    // Not to_regclass: it may tell what was cached before another process made the tables.
    exists: `SELECT 1 AS found FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${literal} AND c.relname = 'meta'`,
    own: [
      [
        `CREATE SCHEMA IF NOT EXISTS "${schema}"`,
        "CREATE TABLE @meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
        "CREATE SEQUENCE @fences",
        "CREATE SEQUENCE @places",
        `CREATE TABLE @receipts (
          n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          seq BIGINT UNIQUE,
          entry TEXT NOT NULL,
          principal TEXT,
          at BIGINT NOT NULL,
          state TEXT NOT NULL,
          outcome TEXT,
          done_by TEXT,
          fence BIGINT,
          reason TEXT
        )`,
        "CREATE INDEX receipts_entry ON @receipts (entry, seq)",
        "CREATE INDEX receipts_at ON @receipts (at)",
        `CREATE FUNCTION @number_receipt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
         SET search_path = pg_catalog, pg_temp AS $$
         BEGIN
           PERFORM pg_advisory_xact_lock(${lockNumber(`${schema}/places`)});
           UPDATE @receipts SET seq = nextval('@places') WHERE n = NEW.n;
           PERFORM pg_notify(${literal}, '');
           RETURN NULL;
         END $$`,
        `CREATE CONSTRAINT TRIGGER number_receipt AFTER INSERT ON @receipts DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION @number_receipt()`,
      ],
    ],
  };
}

/** The number of an advisory lock for a name. Two names with the same number wait for each other; that does no harm. */
export const lockNumber = (name: string): string =>
  createHash("sha256").update("latchkey\0").update(name).digest().readBigInt64BE().toString();
