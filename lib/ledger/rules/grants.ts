import { checkPrincipal } from "../../base/principal.js";
import type { GrantFilter, GrantState } from "../contract/grants.js";
import { type Row, type Rule, rows, type Value } from "../engine/engine.js";
import { parseCursor } from "./find.js";
import { marks } from "./move.js";

export const grantStates: readonly GrantState[] = ["none", "kept", "spending", "in-doubt"];

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

/** The history of a grant: lines of its own principal only, for a broker's role may write lines of its own. */
export function* grantReceipts(id: string, only: string | undefined): Rule<readonly Row[]> {
  return yield* rows(
    `SELECT * FROM @receipts r WHERE r.entry = ? AND r.seq IS NOT NULL AND r.event IS NOT NULL AND r.ticket IS NULL
     ${only === undefined ? "" : "AND r.principal = ?"}
     AND NOT EXISTS (SELECT 1 FROM @grants g WHERE g.id = r.entry AND g.principal IS DISTINCT FROM r.principal)
     ORDER BY r.seq`,
    id,
    ...(only === undefined ? [] : [only]),
  );
}
