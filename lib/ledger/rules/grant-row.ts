/** The rows of grants: how one is found, and the only place that changes one, with its receipt. */
import { LedgerError } from "../../base/errors.js";
import type { GrantEvent, GrantState } from "../contract/grants.js";
import { first, number, type Row, type Rule, rows, text, textOr, type Value } from "../engine/engine.js";
import { reasonOf } from "./move.js";

/** What a request needs a grant for. */
export interface Wanted {
  /** The id of its row, should there be none yet. */
  readonly id: string;
  /** Principal, or session, with server and client, as a hash. */
  readonly key: string;
  readonly principal: string | undefined;
  readonly sessionId: string | undefined;
  readonly server: string;
  readonly client: string | undefined;
  /** The claim for which it is wanted. */
  readonly claim: { readonly credential: string; readonly fence: number };
}

export const grantLock = (key: string): string => `grant/${key}`;

/** Who is in the way, and until when. */
export function held(row: Row): LedgerError {
  const who = JSON.stringify(textOr(row.owner) ?? "somebody");
  const until = new Date(number(row.lease_until)).toISOString();
  return new LedgerError("CLAIMED", `${who} holds this grant until ${until}, under fence ${number(row.fence)}`);
}

export interface Note {
  readonly by?: string | undefined;
  readonly fence?: number | undefined;
  readonly reason?: string | undefined;
}

export function* become(
  row: Row,
  state: GrantState,
  event: GrantEvent,
  note: Note,
  now: number,
  set: Readonly<Record<string, Value>> = {},
): Rule<Row> {
  const changed = yield* change(text(row.id), { ...set, state, updated_at: now });
  yield* rows(
    "INSERT INTO @receipts (entry, principal, at, state, event, done_by, fence, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    text(row.id),
    textOr(row.principal) ?? null,
    now,
    state,
    event,
    note.by ?? null,
    note.fence ?? null,
    reasonOf(note.reason),
  );
  return changed;
}

export function* change(id: string, set: Readonly<Record<string, Value>>): Rule<Row> {
  const columns = Object.keys(set).map((column) => `${column} = ?`);
  const row = yield* first(
    `UPDATE @grants SET ${columns.join(", ")} WHERE id = ? RETURNING *`,
    ...Object.values(set),
    id,
  );
  if (row === undefined) throw unknownGrant(id);
  return row;
}

export function* wantedRow({ key, principal }: Wanted): Rule<Row | undefined> {
  return yield* first(
    "SELECT * FROM @grants WHERE grant_key = ? AND principal IS NOT DISTINCT FROM CAST(? AS TEXT)",
    key,
    principal ?? null,
  );
}

export function* newRow(wanted: Wanted, now: number): Rule<Row> {
  const row = yield* first(
    `INSERT INTO @grants (id, grant_key, principal, session_id, server, client, state, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, 'none', ?, ?) RETURNING *`,
    wanted.id,
    wanted.key,
    wanted.principal ?? null,
    wanted.sessionId ?? null,
    wanted.server,
    wanted.client ?? null,
    now,
    now,
  );
  if (row === undefined) throw unknownGrant(wanted.id);
  return row;
}

export function* grantRow(id: string, only: string | undefined): Rule<Row> {
  const row = yield* first("SELECT * FROM @grants WHERE id = ?", id);
  if (row === undefined || (only !== undefined && row.principal !== only)) throw unknownGrant(id);
  return row;
}

const unknownGrant = (id: string): LedgerError => new LedgerError("UNKNOWN_GRANT", `no grant has the id "${id}"`);
