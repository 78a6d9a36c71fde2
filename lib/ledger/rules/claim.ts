import { LedgerError } from "../../base/errors.js";
import type { Filter } from "../contract.js";
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
import { conditions, type Scoped } from "./find.js";
import { entryRow, move, presentState } from "./move.js";

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

/** The oldest open entry of the filter whose credential nobody works on. */
export function* candidate(filter: Scoped<Filter>): Rule<{ id: string; credential: string } | undefined> {
  const all = conditions({ ...filter, state: "open" });
  const row = yield* first(
    `SELECT e.id, e.credential FROM @entries e JOIN @credentials c ON ${ofOwner}
     WHERE ${all.map(({ sql }) => sql).join(" AND ")} AND c.lease_until <= {now}
     ORDER BY e.created_at, e.id LIMIT 1`,
    ...all.flatMap(({ params }): Value[] => [...params]),
  );
  return row === undefined ? undefined : { id: text(row.id), credential: text(row.credential) };
}

/** Milliseconds until the first live claim in the way of the filter runs out. */
export function* untilClaimable(filter: Scoped<Filter>): Rule<number | undefined> {
  const all = conditions({ ...filter, state: "open" });
  const row = yield* first(
    `SELECT MIN(c.lease_until) - {now} AS left_ms FROM @entries e JOIN @credentials c ON ${ofOwner}
     WHERE ${all.map(({ sql }) => sql).join(" AND ")}`,
    ...all.flatMap(({ params }): Value[] => [...params]),
  );
  return row?.left_ms == null ? undefined : number(row.left_ms);
}

/** Claims a candidate. Nothing when somebody was faster. */
export function* claim(
  { id, credential }: { readonly id: string; readonly credential: string },
  { owner, leaseMs }: Lease,
): Rule<Claimed | undefined> {
  const now = yield* lock(credential);
  const entries = yield* openEntries(credential, now);
  if (!entries.some((row) => row.id === id)) return undefined;
  const until = now + leaseMs;
  const row = yield* first("SELECT lease_until FROM @credentials WHERE credential = ?", credential);
  if (row === undefined || number(row.lease_until) > now) return undefined;
  const fence = yield* drawFence();
  yield* rows(
    "UPDATE @credentials SET owner = ?, lease_until = ?, fence = ? WHERE credential = ?",
    owner,
    until,
    fence,
    credential,
  );
  return { id, credential, fence, until, entries };
}

/** Open entries of a credential; those whose time is over are moved to `expired` on the way. */
export function* openEntries(credential: string, now: number): Rule<readonly Row[]> {
  const open = yield* rows(
    `SELECT e.* FROM @entries e JOIN @credentials c ON ${ofOwner}
     WHERE e.credential = ? AND e.state = 'open' ORDER BY e.created_at, e.id`,
    credential,
  );
  const live: Row[] = [];
  for (const row of open) if ((yield* presentState(row, now)) === "open") live.push(row);
  return live;
}

/** Moves one entry to `expired` when its time is over. */
export function* expire(id: string): Rule<void> {
  const now = yield* lock(text((yield* entryRow(id)).credential));
  yield* presentState(yield* entryRow(id), now);
}

/** The credential's row, if the claim under this fence still lives. */
export function* guarded(credential: string, fence: number): Rule<{ row: Row; now: number }> {
  const now = yield* lock(credential);
  const row = yield* first("SELECT * FROM @credentials WHERE credential = ?", credential);
  if (row === undefined || number(row.fence) !== fence || number(row.lease_until) <= now) throw fenced(fence);
  return { row, now };
}

export const fenced = (fence: number): LedgerError =>
  new LedgerError("FENCED", `the claim with fence ${fence} is over; nothing was written`);

export function* extend(
  credential: string,
  fence: number,
  leaseMs: number | undefined,
): Rule<{ until: number; entries: readonly Row[] }> {
  const { row, now } = yield* guarded(credential, fence);
  const entries = yield* openEntries(credential, now);
  if (leaseMs === undefined) return { until: number(row.lease_until), entries };
  yield* rows("UPDATE @credentials SET lease_until = ? WHERE credential = ?", now + leaseMs, credential);
  return { until: now + leaseMs, entries };
}

/** Cancels whatever waits for the credential, and gives the claim back. */
export function* cancelAll(
  credential: string,
  fence: number,
  note: { by?: string | undefined; reason?: string | undefined },
): Rule<void> {
  const { now } = yield* guarded(credential, fence);
  for (const row of yield* openEntries(credential, now)) {
    yield* move(text(row.id), "open", "cancelled", now, { ...note, fence });
  }
  yield* endLease(credential, fence);
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

export function* writeStash(credential: string, fence: number, sealed: string | null): Rule<void> {
  yield* guarded(credential, fence);
  yield* rows("UPDATE @credentials SET stash = ? WHERE credential = ?", sealed, credential);
}

export function* readStash(credential: string, fence: number): Rule<string | undefined> {
  const { row } = yield* guarded(credential, fence);
  return textOr(row.stash);
}

/** The sealed secrets of an entry that the claim is about. */
export function* sealedEntry(credential: string, fence: number, id: string): Rule<Row> {
  yield* guarded(credential, fence);
  const row = yield* entryRow(id);
  if (row.credential !== credential) throw new LedgerError("UNKNOWN_ENTRY", "the entry is not one of this claim");
  return row;
}
