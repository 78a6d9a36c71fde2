import { LedgerError } from "../../base/errors.js";
import type { Filter } from "../contract.js";
import {
  first,
  later,
  lock,
  number,
  type Question,
  query,
  type Replies,
  type Row,
  type Rule,
  rows,
  type Statement,
  text,
  textOr,
  together,
  underLock,
  type Value,
} from "../engine/engine.js";
import { conditions, type Scoped } from "./find.js";
import { entryQuery, entryRow, known, moving, type Note, presentState } from "./move.js";
import { useTicket } from "./use-ticket.js";

export interface Claimed {
  readonly id: string;
  readonly credential: string;
  readonly fence: number;
  readonly until: number;
  readonly entries: readonly Row[];
}

/** Who works, and for how long. */
export interface Lease {
  readonly owner: string;
  readonly leaseMs: number;
}

/** Joins an entry with the row of its credential, which holds the claim. */
const ofOwner = "c.credential = e.credential AND c.principal IS NOT DISTINCT FROM e.principal";

/** A stash's tag as it is stored, of one principal. */
export interface Tagged {
  readonly principal: string | undefined;
  readonly digest: string;
}

/** A filter of claims, its tag looked up. */
export type Claimable = Scoped<Filter> & { readonly tagged?: readonly Tagged[] | undefined };

/** Every tag that is stored. */
export function* allTags(): Rule<readonly Row[]> {
  return yield* rows("SELECT principal, tag FROM @credentials WHERE tag IS NOT NULL");
}

/** A filter as conditions on `@entries e` and the row of its credential, `@credentials c`. */
function claimable({ tagged, ...filter }: Claimable): { readonly sql: string; readonly params: readonly Value[] } {
  const all = conditions({ ...filter, state: "open" });
  if (tagged !== undefined) {
    const one = "(c.tag = ? AND c.principal IS NOT DISTINCT FROM CAST(? AS TEXT))";
    all.push({
      sql: tagged.length === 0 ? "1 = 0" : `(${tagged.map(() => one).join(" OR ")})`,
      params: tagged.flatMap(({ principal, digest }) => [digest, principal ?? null]),
    });
  }
  return { sql: all.map(({ sql }) => sql).join(" AND "), params: all.flatMap(({ params }): Value[] => [...params]) };
}

interface Candidate {
  readonly id: string;
  readonly credential: string;
  /** The tag that it was found by, which must still be there. */
  readonly tag: string | undefined;
}

/** The oldest open entry of the filter whose credential nobody works on. */
export function* candidate(filter: Claimable): Rule<Candidate | undefined> {
  const { sql, params } = claimable(filter);
  const row = yield* first(
    `SELECT e.id, e.credential, c.tag FROM @entries e JOIN @credentials c ON ${ofOwner}
     WHERE ${sql} AND c.lease_until <= {now}
     ORDER BY e.created_at, e.id LIMIT 1`,
    ...params,
  );
  if (row === undefined) return undefined;
  const tag = filter.tagged === undefined ? undefined : textOr(row.tag);
  return { id: text(row.id), credential: text(row.credential), tag };
}

/** Milliseconds until the first live claim in the way of the filter runs out. */
export function* untilClaimable(filter: Claimable): Rule<number | undefined> {
  const { sql, params } = claimable(filter);
  const row = yield* first(
    `SELECT MIN(c.lease_until) - {now} AS left_ms FROM @entries e JOIN @credentials c ON ${ofOwner} WHERE ${sql}`,
    ...params,
  );
  return row?.left_ms == null ? undefined : number(row.left_ms);
}

/** Claims a candidate. Nothing when somebody was faster. */
export function* claim({ id, credential, tag }: Candidate, { owner, leaseMs }: Lease): Rule<Claimed | undefined> {
  const { now, fence, replies } = yield* underLock(
    { lock: credential, draw: "fence" },
    query("SELECT lease_until, tag FROM @credentials WHERE credential = ?", credential),
    openQuery(credential),
  );
  const [[row] = [], waiting = []] = replies;
  const entries = yield* inTime(waiting, now);
  if (!entries.some((entry) => entry.id === id)) return undefined;
  if (row === undefined || number(row.lease_until) > now) return undefined;
  if (tag !== undefined && row.tag !== tag) return undefined;
  const until = now + leaseMs;
  yield* later(
    query(
      "UPDATE @credentials SET owner = ?, lease_until = ?, fence = ? WHERE credential = ?",
      owner,
      until,
      fence,
      credential,
    ),
  );
  return { id, credential, fence, until, entries };
}

export const openQuery = (credential: string): Statement =>
  query(
    `SELECT e.* FROM @entries e JOIN @credentials c ON ${ofOwner}
     WHERE e.credential = ? AND e.state = 'open' ORDER BY e.created_at, e.id`,
    credential,
  );

/** Of entries that were open, those that still are; those whose time is over are moved to `expired` on the way. */
export function* inTime(open: readonly Row[], now: number): Rule<readonly Row[]> {
  const live: Row[] = [];
  for (const row of open) if ((yield* presentState(row, now)) === "open") live.push(row);
  return live;
}

/** Open entries of a credential. */
export function* openEntries(credential: string, now: number): Rule<readonly Row[]> {
  const [waiting = []] = yield* together(openQuery(credential));
  return yield* inTime(waiting, now);
}

/** Moves one entry to `expired` when its time is over. */
export function* expire(id: string): Rule<void> {
  const now = yield* lock(text((yield* entryRow(id)).credential));
  yield* presentState(yield* entryRow(id), now);
}

/** The credential's row, if the claim under this fence still lives, and what was asked along with it. */
export function* guarded(
  credential: string,
  fence: number,
  ...questions: readonly Question[]
): Rule<{ row: Row; now: number; replies: Replies }> {
  const { now, replies } = yield* underLock({ lock: credential }, claimQuery(credential), ...questions);
  const [[row] = [], ...others] = replies;
  return { row: alive(row, fence, now), now, replies: others };
}

const claimQuery = (credential: string): Statement =>
  query("SELECT * FROM @credentials WHERE credential = ?", credential);

function alive(row: Row | undefined, fence: number, now: number): Row {
  if (row === undefined || number(row.fence) !== fence || number(row.lease_until) <= now) throw fenced(fence);
  return row;
}

export function* liveClaim(credential: string, fence: number, now: number): Rule<Row> {
  const [[row] = []] = yield* together(claimQuery(credential));
  return alive(row, fence, now);
}

export const fenced = (fence: number): LedgerError =>
  new LedgerError("FENCED", `the claim with fence ${fence} is over; nothing was written`);

/** Who is in the way, and until when. */
export function claimed(claim: Row): LedgerError {
  const who = JSON.stringify(textOr(claim.owner) ?? "somebody");
  const until = new Date(number(claim.lease_until)).toISOString();
  return new LedgerError("CLAIMED", `${who} works on this until ${until}, under fence ${number(claim.fence)}`);
}

export function* extend(
  credential: string,
  fence: number,
  { leaseMs, last }: { readonly leaseMs: number | undefined; readonly last: number | undefined },
): Rule<{ until: number; entries: readonly Row[] }> {
  const { row, now, replies } = yield* guarded(credential, fence, openQuery(credential));
  const entries = yield* inTime(replies[0] ?? [], now);
  if (leaseMs === undefined) return { until: number(row.lease_until), entries };
  const until = Math.min(now + leaseMs, last ?? Number.POSITIVE_INFINITY);
  yield* later(query("UPDATE @credentials SET lease_until = ? WHERE credential = ?", until, credential));
  return { until, entries };
}

/** Cancels whatever waits for the credential, or one entry of it, and gives the claim back. */
export function* cancelAll(
  credential: string,
  fence: number,
  { only, ...note }: Pick<Note, "by" | "reason" | "ticket"> & { readonly only?: string | undefined },
): Rule<void> {
  const { now, replies } = yield* guarded(credential, fence, openQuery(credential));
  if (note.ticket !== undefined) yield* useTicket(note.ticket, now);
  const open = yield* inTime(replies[0] ?? [], now);
  const gone = only === undefined ? open : open.filter(({ id }) => id === only);
  yield* later(...gone.map((row) => moving(row, "open", "cancelled", now, { ...note, fence })));
  if (gone.length === open.length) yield* clearStash(credential);
  yield* endLease(credential, fence);
}

/** Nobody waits for what was begun. */
export function* clearStash(credential: string): Rule<void> {
  yield* later(
    query("UPDATE @credentials SET stash = NULL, tag = NULL WHERE credential = ? AND stash IS NOT NULL", credential),
  );
}

export function* release(credential: string, fence: number): Rule<void> {
  yield* lock(credential);
  yield* endLease(credential, fence);
}

function* endLease(credential: string, fence: number): Rule<void> {
  const freed = yield* first(
    `UPDATE @credentials SET lease_until = 0, owner = NULL WHERE credential = ? AND fence = ? AND lease_until > 0
     RETURNING fence`,
    credential,
    fence,
  );
  if (freed !== undefined) yield { notify: true };
}

export function* writeStash(
  credential: string,
  fence: number,
  { sealed, tag }: { readonly sealed: string | null; readonly tag: string | null },
): Rule<void> {
  yield* guarded(credential, fence);
  yield* later(query("UPDATE @credentials SET stash = ?, tag = ? WHERE credential = ?", sealed, tag, credential));
}

export function* readStash(credential: string, fence: number): Rule<string | undefined> {
  const { row } = yield* guarded(credential, fence);
  return textOr(row.stash);
}

/** The sealed secrets of an entry that the claim is about. */
export function* sealedEntry(credential: string, fence: number, id: string): Rule<Row> {
  const { replies } = yield* guarded(credential, fence, entryQuery(id));
  const row = known(replies[0]?.[0], id);
  if (row.credential !== credential) throw strayEntry();
  return row;
}

export const strayEntry = (): LedgerError => new LedgerError("UNKNOWN_ENTRY", "the entry is not one of this claim");
