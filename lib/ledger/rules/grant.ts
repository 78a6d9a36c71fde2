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
import type { ForgetOptions } from "../contract/grants.js";
import { drawFence, first, lock, number, type Row, type Rule, text, textOr, type Value } from "../engine/engine.js";
import { fenced, type Lease, liveClaim } from "./claim.js";
import { become, change, grantLock, grantRow, held, type Note, newRow, type Wanted, wantedRow } from "./grant-row.js";

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

/** Takes the right for a claim that lives. */
export function* take(wanted: Wanted, lease: Lease): Rule<Taken> {
  const { credential, fence } = wanted.claim;
  const now = yield* lock(credential, grantLock(wanted.key));
  yield* liveClaim(credential, fence, now);
  return yield* takeRow((yield* wantedRow(wanted)) ?? (yield* newRow(wanted, now)), lease, now);
}

/** Takes the right to a known grant. `only` is the principal that the ledger is open for. */
export function* takeKnown(id: string, only: string | undefined, lease: Lease): Rule<Taken> {
  const now = yield* lock(grantLock(text((yield* grantRow(id, only)).grant_key)));
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
    throw new LedgerError("CONFLICT", `the grant is ${text(row.state)}: there is nothing to spend`);
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
  const now = yield* lock(grantLock(text((yield* grantRow(id, only)).grant_key)));
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
  const now = yield* lock(grantLock(right.key));
  const row = yield* first("SELECT * FROM @grants WHERE id = ?", right.id);
  if (row === undefined || !isOurs(row, right)) return undefined;
  yield* settleDoubt(row, noteOf(right), now);
  const freed = yield* change(right.id, { owner: null, lease_until: 0 });
  yield { notify: true };
  return freed;
}

/** The row while nobody else has come to hold the right, whether its lease lives or not. */
function* ours(right: Right): Rule<{ row: Row; now: number }> {
  const now = yield* lock(grantLock(right.key));
  const row = yield* first("SELECT * FROM @grants WHERE id = ?", right.id);
  if (row === undefined || !isOurs(row, right)) throw lapsed(right.fence);
  if (textOr(row.principal) !== right.principal || row.grant_key !== right.key)
    throw new LedgerError("CORRUPT", "the grant is another one than was held");
  return { row, now };
}

const isOurs = (row: Row, { fence }: Right): boolean => row.owner != null && number(row.fence) === fence;

const lapsed = (fence: number): LedgerError =>
  new LedgerError("FENCED", `the right to the grant with fence ${fence} is over; nothing was written`);

const noteOf = ({ owner, fence }: Right): Note => ({ by: owner, fence });
