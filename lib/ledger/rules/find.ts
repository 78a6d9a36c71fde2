import { ageOf } from "../../base/amounts.js";
import { checkPrincipal } from "../../base/principal.js";
import type { Filter, ListFilter } from "../contract.js";
import { first, number, type Row, type Rule, rows, text, type Value } from "../engine/engine.js";
import { claimColumns, entryColumns } from "../rows.js";
import { type State, states } from "../states.js";
import { marks } from "./move.js";

interface Condition {
  readonly sql: string;
  readonly params: readonly Value[];
}

const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** A filter of a ledger that is opened for one principal. */
export type Scoped<F> = F & { readonly only?: string | undefined };

/** A filter as conditions on `@entries e`. */
export function conditions(filter: Scoped<Filter>): Condition[] {
  const found: Condition[] = [];
  checkPrincipal(filter.principal);
  const among = (column: string, value: Value | readonly Value[] | undefined): void => {
    if (value === undefined) return;
    const params = listOf(value);
    found.push({ sql: params.length === 0 ? "1 = 0" : `e.${column} IN (${marks(params)})`, params });
  };
  among("id", filter.id);
  among("kind", filter.kind);
  among("session_id", filter.sessionId);
  among("principal", filter.principal);
  among("principal", filter.only);
  among("credential", filter.credential);
  among("intent", filter.intent);
  if (filter.state !== undefined) {
    const wanted = listOf<State>(filter.state);
    for (const state of wanted) if (!states.includes(state)) throw new TypeError(`"${state}" is not a state`);
    found.push({ sql: stateCondition(wanted), params: [] });
  }
  if (filter.inDoubt) found.push({ sql: "e.state = 'sent' AND e.delivery_until <= {now}", params: [] });
  if (filter.minAgeMs !== undefined)
    found.push({ sql: "e.created_at <= {now} - ?", params: [ageOf(filter.minAgeMs, "minAgeMs")] });
  if (filter.maxAgeMs !== undefined)
    found.push({ sql: "e.created_at >= {now} - ?", params: [ageOf(filter.maxAgeMs, "maxAgeMs")] });
  return found;
}

/** Entries whose time is over count as `expired`, also while nobody has written that. `due_at` is set while an entry is open only. */
function stateCondition(states: readonly State[]): string {
  if (states.length === 0) return "1 = 0";
  // Written out: a planner only uses a partial index when it sees the value.
  const stored = `e.state IN (${states.map((state) => `'${state}'`).join(", ")})`;
  const [open, expired] = [states.includes("open"), states.includes("expired")];
  if (open === expired) return stored;
  return open ? `${stored} AND (e.due_at IS NULL OR e.due_at > {now})` : `(${stored} OR e.due_at <= {now})`;
}

const where = (all: readonly Condition[]): string =>
  all.length === 0 ? "" : `WHERE ${all.map(({ sql }) => sql).join(" AND ")}`;
const paramsOf = (all: readonly Condition[]): Value[] => all.flatMap(({ params }) => [...params]);

/** One row more than asked for tells that there is another page. */
export function* list(filter: Scoped<ListFilter>, limit: number): Rule<readonly Row[]> {
  const all = conditions(filter);
  if (filter.after !== undefined) {
    const { at, id } = parseCursor(filter.after);
    all.push({ sql: "(e.created_at, e.id) > (?, ?)", params: [at, id] });
  }
  return yield* rows(
    `SELECT ${entryColumns}, ${claimColumns}, {now} AS now FROM @entries e
     LEFT JOIN @credentials c ON c.credential = e.credential AND e.state = 'open' ${where(all)} ORDER BY e.created_at, e.id LIMIT ?`,
    ...paramsOf(all),
    limit + 1,
  );
}

export const cursorOf = (row: Row): string => `${number(row.created_at)}.${text(row.id)}`;

export function parseCursor(cursor: string, of = "list"): { at: number; id: string } {
  const found = /^(\d+)\.(.+)$/.exec(cursor);
  if (found?.[1] === undefined || found[2] === undefined) throw new TypeError(`"after" is not a cursor of \`${of}\``);
  return { at: Number(found[1]), id: found[2] };
}

/** Lines of what a broker's role made up stop nobody from reading the others. */
const known = `r.state IN (${states.map((state) => `'${state}'`).join(", ")})`;

/** The history of an entry: lines of its own principal only, for a broker's role may write lines of its own. */
export function* receipts(id: string, only: string | undefined): Rule<readonly Row[]> {
  return yield* rows(
    `SELECT * FROM @receipts r WHERE r.entry = ? AND r.seq IS NOT NULL AND ${known} ${only === undefined ? "" : "AND r.principal = ?"}
     AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.id = r.entry AND e.principal IS DISTINCT FROM r.principal)
     ORDER BY r.seq`,
    id,
    ...(only === undefined ? [] : [only]),
  );
}

/** The place after the newest transition. */
export function* lastSeq(): Rule<number> {
  const row = yield* first("SELECT COALESCE(MAX(seq), 0) AS seq FROM @receipts");
  return number(row?.seq);
}

/** @throws TypeError when a filter is none, or one by what only time changes. */
export function refuseUnwatchable(filter: Filter): void {
  const { minAgeMs, maxAgeMs, inDoubt } = filter;
  const passing = [minAgeMs, maxAgeMs, inDoubt].some((value) => value !== undefined);
  if (passing)
    throw new TypeError('a watch cannot filter by "minAgeMs", "maxAgeMs" or "inDoubt": time alone changes them');
  conditions(filter);
}

/** Transitions after a place, each with its entry as the transition left it, and the place to go on from. */
export function* transitions(
  after: number,
  filter: Scoped<Filter>,
  limit: number,
): Rule<{ found: readonly Row[]; next: number | undefined }> {
  const head = yield* lastSeq();
  if (head <= after) return { found: [], next: undefined };
  const { state, ...lasting } = filter;
  const all = conditions(lasting);
  if (state !== undefined) {
    const wanted = listOf<State>(state);
    all.push({ sql: wanted.length === 0 ? "1 = 0" : `r.state IN (${marks(wanted)})`, params: wanted });
  }
  const left = entryColumns.replace(/e\.(state|outcome|updated_at)(, |$)/g, "");
  const found = yield* rows(
    `SELECT ${left.replace(/, $/, "")}, ${claimColumns}, {now} AS now, r.seq, r.state, r.outcome, r.at AS updated_at
     FROM @receipts r JOIN @entries e ON e.id = r.entry AND e.principal IS NOT DISTINCT FROM r.principal
     LEFT JOIN @credentials c ON c.credential = e.credential AND r.state = 'open' AND e.state = 'open'
     WHERE ${["r.seq > ? AND r.seq <= ? AND r.event IS NULL", known, ...all.map(({ sql }) => sql)].join(" AND ")} ORDER BY r.seq LIMIT ?`,
    after,
    head,
    ...paramsOf(all),
    limit,
  );
  return { found, next: found.length === limit ? undefined : head };
}

/** Entries that nobody answered in time. */
export function* due(limit: number): Rule<string[]> {
  const found = yield* rows("SELECT id FROM @entries WHERE due_at <= {now} ORDER BY due_at LIMIT ?", limit);
  return found.map((row) => text(row.id));
}

/** Milliseconds until the next entry runs out. */
export function* untilDue(): Rule<number | undefined> {
  const row = yield* first("SELECT MIN(due_at) - {now} AS left_ms FROM @entries WHERE due_at IS NOT NULL");
  return row?.left_ms == null ? undefined : number(row.left_ms);
}
