import { LedgerError } from "../../base/errors.js";
import { type Engine, first, number, type Rule, rows } from "./engine.js";

/** The format that this code writes. Each number has its list of statements in the engine's dialect. */
export const format = 4;

/** The tables of format 1 as both engines know them; docs/ledger.md describes them. `@meta` and `@receipts` differ. */
const tables: readonly string[] = [
  `CREATE TABLE @seals (kid TEXT PRIMARY KEY, proof TEXT NOT NULL)`,
  `CREATE TABLE @entries (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    session_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    endpoint TEXT,
    principal TEXT,
    received_at TEXT NOT NULL,
    data TEXT NOT NULL,
    sealed TEXT NOT NULL,
    intent TEXT NOT NULL,
    credential TEXT NOT NULL,
    epoch TEXT,
    state TEXT NOT NULL,
    outcome TEXT,
    answer TEXT,
    account TEXT,
    successor TEXT,
    delivery_fence BIGINT,
    delivery_until BIGINT,
    completed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,
    due_at BIGINT,
    over_at BIGINT
  )`,
  `CREATE UNIQUE INDEX entries_request ON @entries (session_id, kind, request_id)`,
  `CREATE INDEX entries_age ON @entries (created_at, id)`,
  `CREATE INDEX entries_state ON @entries (state, created_at, id)`,
  `CREATE INDEX entries_session ON @entries (session_id, created_at, id)`,
  `CREATE INDEX entries_principal ON @entries (principal, created_at, id)`,
  `CREATE INDEX entries_intent ON @entries (intent, created_at)`,
  `CREATE INDEX entries_credential ON @entries (credential, state)`,
  `CREATE INDEX entries_due ON @entries (due_at) WHERE due_at IS NOT NULL`,
  `CREATE INDEX entries_over ON @entries (over_at) WHERE over_at IS NOT NULL`,
  `CREATE TABLE @credentials (
    credential TEXT PRIMARY KEY,
    principal TEXT,
    owner TEXT,
    fence BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0,
    stash TEXT
  )`,
  `CREATE TABLE @answers (
    id TEXT PRIMARY KEY,
    credential TEXT NOT NULL,
    principal TEXT,
    sealed TEXT NOT NULL,
    digest TEXT NOT NULL,
    shared INTEGER NOT NULL,
    account TEXT,
    given_by TEXT,
    fence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    refused_at BIGINT
  )`,
  `CREATE INDEX answers_credential ON @answers (credential, fence)`,
  `CREATE TABLE @given (
    intent TEXT NOT NULL,
    answer TEXT NOT NULL,
    principal TEXT,
    epoch TEXT,
    sent_at BIGINT,
    PRIMARY KEY (intent, answer)
  )`,
  `CREATE INDEX given_answer ON @given (answer)`,
];

/**
 * Format 2: keys of principals are noted, an entry's pointer to its answer is proven, and an entry remembers a place in its session's log.
 * What format 1 sealed stays as it is.
 */
const bindings: readonly string[] = [
  "ALTER TABLE @seals ADD COLUMN principal TEXT",
  "ALTER TABLE @entries ADD COLUMN answer_mac TEXT",
  "ALTER TABLE @entries ADD COLUMN anchor TEXT",
];

/** Format 3: a receipt says whether a person gave the answer, or a program. */
const actors: readonly string[] = ["ALTER TABLE @receipts ADD COLUMN actor TEXT"];

/** Format 4: grants and tickets; a stash is found by its tag; an entry is part of a trace. */
const grants: readonly string[] = [
  `CREATE TABLE @grants (
    id TEXT PRIMARY KEY,
    grant_key TEXT NOT NULL,
    principal TEXT,
    session_id TEXT,
    server TEXT NOT NULL,
    client TEXT,
    state TEXT NOT NULL,
    spent_from TEXT,
    sealed TEXT,
    issuer TEXT,
    scope TEXT,
    account TEXT,
    expires_at BIGINT,
    obtained_at BIGINT,
    owner TEXT,
    fence BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
  )`,
  // With the principal: nobody can take another's place by a row of their own.
  "CREATE UNIQUE INDEX grants_key ON @grants (grant_key, COALESCE(principal, ''))",
  "CREATE INDEX grants_age ON @grants (created_at, id)",
  `CREATE TABLE @tickets (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    entry TEXT NOT NULL,
    principal TEXT,
    mac TEXT NOT NULL,
    made_by TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
  )`,
  "CREATE INDEX tickets_entry ON @tickets (entry)",
  "ALTER TABLE @credentials ADD COLUMN tag TEXT",
  "CREATE INDEX credentials_tag ON @credentials (tag) WHERE tag IS NOT NULL",
  "ALTER TABLE @entries ADD COLUMN traceparent TEXT",
  "ALTER TABLE @receipts ADD COLUMN event TEXT",
  "ALTER TABLE @receipts ADD COLUMN ticket TEXT",
];

/** What leads from each format to the next one. */
const steps: readonly (readonly string[])[] = [tables, bindings, actors, grants];

function* currentFormat(exists: string): Rule<number> {
  if ((yield* first(exists)) === undefined) return 0;
  const row = yield* first("SELECT value FROM @meta WHERE name = 'format'");
  return row === undefined ? 0 : number(row.value);
}

/**
 * Brings a database to this code's format, forward only. Two processes that start at once agree: the second one waits
 * for the lock and finds nothing left to do.
 */
export async function migrate(engine: Engine): Promise<void> {
  const { exists, own } = engine.dialect;
  const found = await engine.read(() => currentFormat(exists));
  refuseNewer(found);
  if (found === format) return;
  await engine.transact("migrate", function* () {
    yield { lock: "format" };
    const start = yield* currentFormat(exists);
    refuseNewer(start);
    for (let next = start; next < format; next++) {
      for (const sql of [...(own[next] ?? []), ...(steps[next] ?? [])]) yield* rows(sql);
    }
    yield* rows(
      "INSERT INTO @meta (name, value) VALUES ('format', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      format,
    );
  });
}

function refuseNewer(found: number): void {
  if (found <= format) return;
  throw new LedgerError("NEWER_FORMAT", `the ledger has format ${found}; this latchkey knows formats up to ${format}`);
}
