/**
 * The right to what is kept for one principal, server and client, and what its holder may do with it.
 *
 *     none                -> kept        keep
 *     kept                -> kept        keep: signed in again, or the client's own token
 *     kept, in-doubt      -> spending    spend: before the refresh token is presented
 *     spending            -> kept        keep: after it
 *     spending            -> as before   unspent: it surely never arrived
 *     spending            -> in-doubt    release, or the next who takes the right: nobody knows whether it was used up
 *     kept ... in-doubt   -> none        forget
 *
 * Invariants, each held inside one transaction:
 *   - One at most holds the right. Its fence is drawn from the ledger's counter, so it only grows.
 *   - `spend` is for who holds a live lease. The other verbs say what has happened already: they are taken until somebody else has the right.
 *   - A row is of the principal for whom it was asked.
 */
import { LedgerError } from "../../base/errors.js";
import type { ForgetOptions, GrantEvent, GrantState } from "../contract/grants.js";
import {
  drawFence,
  first,
  lock,
  number,
  type Row,
  type Rule,
  rows,
  text,
  textOr,
  type Value,
} from "../engine/engine.js";
import { fenced, type Lease, liveClaim } from "./claim.js";
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

/** The row as its holder has it, or as somebody else does. */
export interface Taken {
  readonly row: Row;
  readonly isOurs: boolean;
  /** Milliseconds until the lease of who has it ends. */
  readonly leftMs: number;
}

/** Whose right it is. */
export interface Right {
  readonly id: string;
  readonly key: string;
  readonly principal: string | undefined;
  readonly fence: number;
  readonly owner: string;
}

const lockOf = (key: string): string => `grant/${key}`;

/** Takes the right for a claim that lives. */
export function* take(wanted: Wanted, lease: Lease): Rule<Taken> {
  const { credential, fence } = wanted.claim;
  const now = yield* lock(credential, lockOf(wanted.key));
  yield* liveClaim(credential, fence, now);
  return yield* takeRow((yield* wantedRow(wanted)) ?? (yield* newRow(wanted, now)), lease, now);
}

/** Takes the right to a known grant. `only` is the principal that the ledger is open for. */
export function* takeKnown(id: string, only: string | undefined, lease: Lease): Rule<Taken> {
  const now = yield* lock(lockOf(text((yield* grantRow(id, only)).grant_key)));
  return yield* takeRow(yield* grantRow(id, only), lease, now);
}

function* takeRow(row: Row, { owner, leaseMs }: Lease, now: number): Rule<Taken> {
  if (number(row.lease_until) > now) return { row, isOurs: false, leftMs: number(row.lease_until) - now };
  const fence = yield* drawFence();
  yield* settleDoubt(row, { by: owner, fence }, now);
  const taken = yield* change(text(row.id), { owner, fence, lease_until: now + leaseMs });
  return { row: taken, isOurs: true, leftMs: leaseMs };
}

/** How long the right is somebody else's, without taking it. Nothing where it is free. */
export function* untilFree(wanted: Wanted): Rule<number | undefined> {
  const row = yield* first(
    `SELECT g.lease_until - {now} AS left_ms, c.lease_until - {now} AS claim_ms FROM @credentials c
     LEFT JOIN @grants g ON g.grant_key = ? AND g.principal IS NOT DISTINCT FROM CAST(? AS TEXT) AND g.lease_until > {now}
     WHERE c.credential = ? AND c.fence = ?`,
    wanted.key,
    wanted.principal ?? null,
    wanted.claim.credential,
    wanted.claim.fence,
  );
  if (row === undefined || number(row.claim_ms) <= 0) throw fenced(wanted.claim.fence);
  return row.left_ms == null ? undefined : number(row.left_ms);
}

/** Whoever spent it is gone without a word. */
function* settleDoubt(row: Row, note: Note, now: number): Rule<void> {
  if (row.state !== "spending") return;
  const owner = JSON.stringify(textOr(row.owner) ?? "somebody");
  const reason = `${owner} presented the refresh token and said nothing more`;
  yield* become(row, "in-doubt", "in-doubt", { reason, ...note }, now);
}

/** The refresh token is about to be presented. */
export function* spend(right: Right): Rule<Row> {
  const { row, now } = yield* ours(right);
  if (number(row.lease_until) <= now) throw lapsed(right.fence);
  if (row.state !== "kept" && row.state !== "in-doubt")
    throw new LedgerError("CONFLICT", `the grant is ${stateOf(row)}: there is nothing to spend`);
  return yield* become(row, "spending", "spending", noteOf(right), now, { spent_from: text(row.state) });
}

/** It surely was not used up. */
export function* unspent(right: Right): Rule<Row> {
  const { row, now } = yield* ours(right);
  if (row.state !== "spending") return row;
  const state = row.spent_from === "in-doubt" ? "in-doubt" : "kept";
  return yield* become(row, state, "unspent", noteOf(right), now, { spent_from: null });
}

/** What is written of a grant: the sealed whole, and what of it may be shown. */
export interface Kept {
  readonly sealed: string;
  readonly shown: Readonly<Record<string, Value>>;
}

export function* keep(right: Right, { sealed, shown }: Kept): Rule<Row> {
  const { row, now } = yield* ours(right);
  return yield* become(row, "kept", "kept", noteOf(right), now, { ...shown, sealed, spent_from: null });
}

/** The columns of a row that keeps nothing. */
const nothing = {
  ...{ sealed: null, issuer: null, scope: null, account: null, expires_at: null, obtained_at: null },
  spent_from: null,
} as const;

export function* forget(right: Right, reason: string | undefined): Rule<Row> {
  const { row, now } = yield* ours(right);
  if (row.state === "none") return row;
  return yield* become(row, "none", "forgotten", { ...noteOf(right), reason }, now, nothing);
}

/** Without the right: refused while somebody has it, or taken from them. */
export function* forgetKnown(id: string, only: string | undefined, { by, reason, force }: ForgetOptions): Rule<void> {
  const now = yield* lock(lockOf(text((yield* grantRow(id, only)).grant_key)));
  const row = yield* grantRow(id, only);
  if (number(row.lease_until) > now && !force) throw held(row);
  const fence = yield* drawFence();
  if (row.state !== "none") yield* become(row, "none", "forgotten", { by, reason, fence }, now, nothing);
  yield* change(id, { owner: null, lease_until: 0, fence });
  yield { notify: true };
}

export function* extend(right: Right, leaseMs: number): Rule<Row> {
  const { row, now } = yield* ours(right);
  if (number(row.lease_until) <= now) throw lapsed(right.fence);
  return yield* change(right.id, { lease_until: now + leaseMs });
}

export function* release(right: Right): Rule<Row | undefined> {
  const now = yield* lock(lockOf(right.key));
  const row = yield* first("SELECT * FROM @grants WHERE id = ?", right.id);
  if (row === undefined || !isOurs(row, right)) return undefined;
  yield* settleDoubt(row, noteOf(right), now);
  const freed = yield* change(right.id, { owner: null, lease_until: 0 });
  yield { notify: true };
  return freed;
}

/** The row while nobody else has come to hold the right, whether its lease lives or not. */
function* ours(right: Right): Rule<{ row: Row; now: number }> {
  const now = yield* lock(lockOf(right.key));
  const row = yield* first("SELECT * FROM @grants WHERE id = ?", right.id);
  if (row === undefined || !isOurs(row, right)) throw lapsed(right.fence);
  if (textOr(row.principal) !== right.principal || row.grant_key !== right.key)
    throw new LedgerError("CORRUPT", "the grant is another one than was held");
  return { row, now };
}

const isOurs = (row: Row, { fence }: Right): boolean => row.owner != null && number(row.fence) === fence;

const lapsed = (fence: number): LedgerError =>
  new LedgerError("FENCED", `the right to the grant with fence ${fence} is over; nothing was written`);

/** Who is in the way, and until when. */
export function held(row: Row): LedgerError {
  const who = JSON.stringify(textOr(row.owner) ?? "somebody");
  const until = new Date(number(row.lease_until)).toISOString();
  return new LedgerError("CLAIMED", `${who} holds this grant until ${until}, under fence ${number(row.fence)}`);
}

interface Note {
  readonly by?: string | undefined;
  readonly fence?: number | undefined;
  readonly reason?: string | undefined;
}

const noteOf = ({ owner, fence }: Right): Note => ({ by: owner, fence });

const stateOf = (row: Row): string => text(row.state);

function* become(
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

function* change(id: string, set: Readonly<Record<string, Value>>): Rule<Row> {
  const columns = Object.keys(set).map((column) => `${column} = ?`);
  const row = yield* first(
    `UPDATE @grants SET ${columns.join(", ")} WHERE id = ? RETURNING *`,
    ...Object.values(set),
    id,
  );
  if (row === undefined) throw unknownGrant(id);
  return row;
}

function* wantedRow({ key, principal }: Wanted): Rule<Row | undefined> {
  return yield* first(
    "SELECT * FROM @grants WHERE grant_key = ? AND principal IS NOT DISTINCT FROM CAST(? AS TEXT)",
    key,
    principal ?? null,
  );
}

function* newRow(wanted: Wanted, now: number): Rule<Row> {
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
