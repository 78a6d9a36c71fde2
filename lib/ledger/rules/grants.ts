import { checkPrincipal } from "../../base/principal.js";
import type { GrantEvent, GrantFilter, GrantState } from "../contract/grants.js";
import type { PruneOptions } from "../contract.js";
import { first, lock, now, type Row, type Rule, rows, text, type Value } from "../engine/engine.js";
import { fenced } from "./claim.js";
import { parseCursor } from "./find.js";
import { grantLock, type Wanted } from "./grant-row.js";
import { marks } from "./move.js";

export const grantStates: readonly GrantState[] = ["none", "kept", "spending", "in-doubt"];

export const grantEvents: readonly GrantEvent[] = ["kept", "spending", "unspent", "in-doubt", "forgotten"];

/** What is being spent is in doubt once its lease is over, also while nobody has written that. */
const present = "CASE WHEN g.state = 'spending' AND g.lease_until <= {now} THEN 'in-doubt' ELSE g.state END";

/** Everything but what is sealed; of one principal where the ledger is open for one. One row more than asked for tells that there is another page. */
export function* listGrants(filter: GrantFilter, only: string | undefined, limit: number): Rule<readonly Row[]> {
  checkPrincipal(filter.principal);
  const states = filter.state === undefined ? grantStates.slice(1) : [filter.state].flat();
  for (const state of states)
    if (!grantStates.includes(state)) throw new TypeError(`"${state}" is not a state of a grant`);
  const sql = [states.length === 0 ? "1 = 0" : `${present} IN (${marks(states)})`];
  const params: Value[] = [...states];
  const add = (condition: string, ...values: Value[]): void => {
    sql.push(condition);
    params.push(...values);
  };
  if (filter.id !== undefined) add("g.id = ?", filter.id);
  if (filter.principal !== undefined) add("g.principal = ?", filter.principal);
  if (only !== undefined) add("g.principal = ?", only);
  if (filter.after !== undefined) {
    const { at, id } = parseCursor(filter.after, "grants");
    add("(g.created_at, g.id) > (?, ?)", at, id);
  }
  return yield* rows(
    `SELECT g.id, g.principal, g.session_id, g.server, g.client, g.issuer, g.scope, g.account, g.expires_at, g.obtained_at,
       ${present} AS state, g.created_at, g.updated_at, g.owner, g.fence, g.lease_until, {now} AS now
     FROM @grants g WHERE ${sql.join(" AND ")} ORDER BY g.created_at, g.id LIMIT ?`,
    ...params,
    limit + 1,
  );
}

/** What is kept for a claim that lives, unless it is being spent or in doubt. */
export function* keptRow({ key, principal, claim }: Wanted): Rule<Row | undefined> {
  const row = yield* first(
    `SELECT g.* FROM @credentials c LEFT JOIN @grants g ON g.grant_key = ? AND g.principal IS NOT DISTINCT FROM CAST(? AS TEXT)
       AND g.state = 'kept'
     WHERE c.credential = ? AND c.fence = ? AND c.lease_until > {now}`,
    key,
    principal ?? null,
    claim.credential,
    claim.fence,
  );
  if (row === undefined) throw fenced(claim.fence);
  return row.id == null ? undefined : row;
}

/** Grants to forget because nothing has happened to them for long, and rows that keep nothing. Nobody holds them. */
export function* staleGrants(
  options: PruneOptions,
  only: string | undefined,
  portion: number,
): Rule<{ stale: string[]; empty: string[] }> {
  const at = yield* now();
  const old = function* (condition: string, ms: number): Rule<string[]> {
    const found = yield* rows(
      `SELECT g.id FROM @grants g WHERE ${condition} AND g.updated_at <= ? AND g.lease_until <= ?
       ${only === undefined ? "" : "AND g.principal = ?"} ORDER BY g.updated_at LIMIT ?`,
      ...[at - ms, at - ms, ...(only === undefined ? [] : [only]), portion],
    );
    return found.map((row) => text(row.id));
  };
  return {
    stale: options.grantsMs === undefined ? [] : yield* old("g.state <> 'none'", options.grantsMs),
    empty: yield* old("g.state = 'none'", options.entriesMs),
  };
}

/** What is sealed of grants, from an id on. */
export function* sealedGrants(after: string, portion: number): Rule<readonly Row[]> {
  return yield* rows("SELECT * FROM @grants WHERE sealed IS NOT NULL AND id > ? ORDER BY id LIMIT ?", after, portion);
}

/** The same value under another key, unless something else is kept meanwhile. */
export function* resealGrant(row: Row, sealed: string): Rule<void> {
  yield* lock(grantLock(text(row.grant_key)));
  yield* rows("UPDATE @grants SET sealed = ? WHERE id = ? AND sealed = ?", sealed, text(row.id), text(row.sealed));
}

/** Deletes a row that keeps nothing and that nobody holds. */
export function* deleteEmpty(id: string): Rule<void> {
  const row = yield* first("SELECT grant_key FROM @grants WHERE id = ?", id);
  if (row === undefined) return;
  const at = yield* lock(grantLock(text(row.grant_key)));
  yield* rows("DELETE FROM @grants WHERE id = ? AND state = 'none' AND lease_until <= ?", id, at);
}

/** Deletes tickets that ended before a time. */
export function* deleteTickets(entriesMs: number, portion: number): Rule<number> {
  const at = yield* now();
  const gone = yield* rows(
    `DELETE FROM @tickets WHERE id IN (SELECT t.id FROM @tickets t WHERE t.expires_at <= ? ORDER BY t.expires_at LIMIT ?)
     RETURNING id`,
    at - entriesMs,
    portion,
  );
  return gone.length;
}

/** The history of a grant: lines of its own principal only, for a broker's role may write lines of its own. */
export function* grantReceipts(id: string, only: string | undefined): Rule<readonly Row[]> {
  return yield* rows(
    `SELECT * FROM @receipts r WHERE r.entry = ? AND r.seq IS NOT NULL AND r.event IN (${grantEvents.map((event) => `'${event}'`).join(", ")})
     ${only === undefined ? "" : "AND r.principal = ?"}
     AND NOT EXISTS (SELECT 1 FROM @grants g WHERE g.id = r.entry AND g.principal IS DISTINCT FROM r.principal)
     ORDER BY r.seq`,
    id,
    ...(only === undefined ? [] : [only]),
  );
}
