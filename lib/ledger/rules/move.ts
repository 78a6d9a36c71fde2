import { LedgerError } from "../../base/errors.js";
import { redactText } from "../../base/redact.js";
import { visible } from "../../base/visible.js";
import { type Actor, isKind, type KindName, kinds } from "../../pending/index.js";
import type { Receipt } from "../contract/entries.js";
import {
  later,
  type Question,
  query,
  type Row,
  type Rule,
  type Statement,
  text,
  textOr,
  together,
  type Value,
} from "../engine/engine.js";
import { isDue, stateOf } from "../rows.js";
import { moves, type Outcome, prunable, type State } from "../states.js";

export interface Note {
  outcome?: Outcome | undefined;
  by?: string | undefined;
  fence?: number | undefined;
  reason?: string | undefined;
  actor?: Actor | undefined;
  /** The id of a ticket. */
  ticket?: string | undefined;
  /** What happened, where the entry did not move. */
  event?: Receipt["event"] | undefined;
  /** Columns that change together with the state. */
  set?: Readonly<Record<string, Value>> | undefined;
}

/**
 * Moves an entry along the table of states and writes the receipt. No row when it is not in `from` any more, or when it is open and its
 * time is over: see `presentState`. The receipt is of the principal that was read with the entry.
 */
export function moving(entry: Row, from: State, to: State, now: number, note: Note = {}): Moving {
  const allowed: readonly State[] = moves[from];
  if (!allowed.includes(to)) throw new LedgerError("CONFLICT", `an entry that is ${from} cannot become ${to}`);
  const id = text(entry.id);
  const set: Record<string, Value> = { state: to, updated_at: now, ...note.set };
  if (from === "open") set.due_at = null;
  if (prunable.includes(to)) set.over_at = now;
  if (note.outcome !== undefined) set.outcome = note.outcome;
  const columns = Object.keys(set).map((column) => `${column} = ?`);
  const inTime = from === "open" && to !== "expired";
  return {
    ...query(
      `UPDATE @entries SET ${columns.join(", ")} WHERE id = ? AND state = ?
       ${inTime ? "AND (due_at IS NULL OR due_at > ?)" : ""} RETURNING *`,
      ...Object.values(set),
      id,
      from,
      ...(inTime ? [now] : []),
    ),
    each: [noting({ id, principal: textOr(entry.principal) }, to, now, note)],
  };
}

type Moving = Statement & { readonly each: readonly Statement[] };

export function* move(entry: Row, from: State, to: State, now: number, note: Note = {}): Rule<Row | undefined> {
  const [[moved] = []] = yield* together(moving(entry, from, to, now, note));
  return moved;
}

/** A longer reason is cut off. Secrets that it quotes are redacted. */
const longestReason = 500;

export const reasonOf = (reason: string | undefined): string | null =>
  reason === undefined ? null : redactText(reason.slice(0, longestReason));

/** A line about an entry, for each row of what it goes along with. */
export const noting = (
  entry: { readonly id: string; readonly principal: string | undefined },
  state: State,
  now: number,
  note: Note,
): Statement =>
  query(
    `INSERT INTO @receipts (entry, principal, at, state, outcome, done_by, fence, reason, actor, ticket, event)
     SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT),
       CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT) {each}`,
    entry.id,
    entry.principal ?? null,
    now,
    state,
    note.outcome ?? null,
    note.by ?? null,
    note.fence ?? null,
    reasonOf(note.reason),
    note.actor ?? null,
    note.ticket ?? null,
    note.event ?? null,
  );

/** A line about an entry that does not move. */
export const receipt = (entry: Row, state: State, now: number, note: Note): Question => ({
  ...query("SELECT id FROM @entries WHERE id = ?", text(entry.id)),
  each: [noting({ id: text(entry.id), principal: textOr(entry.principal) }, state, now, note)],
});

export const entryQuery = (id: string): Statement => query("SELECT * FROM @entries WHERE id = ?", id);

export function* entryRow(id: string): Rule<Row> {
  const [[row] = []] = yield* together(entryQuery(id));
  return known(row, id);
}

/** @throws LedgerError `UNKNOWN_ENTRY` */
export function known(row: Row | undefined, id: string): Row {
  if (row === undefined) throw unknownEntry(id);
  return row;
}

export const unknownEntry = (id: string): LedgerError =>
  new LedgerError("UNKNOWN_ENTRY", `no entry has the id "${id}"`);

/** The credential of an entry, to be locked before anything about it is decided. */
export function* credentialOf(id: string): Rule<string> {
  return text((yield* entryRow(id)).credential);
}

/** The state of an entry at this time. One that is open and whose time is over is moved to `expired` on the way. */
export function* presentState(row: Row, now: number): Rule<State> {
  if (!isDue(row, now)) return rowState(row);
  yield* later(moving(row, "open", "expired", now, { reason: "nobody answered in time" }));
  return "expired";
}

export const rowState = (row: Row): State => stateOf(row.state);

export function rowKind(row: Row): KindName {
  const kind = text(row.kind);
  if (!isKind(kind))
    throw new LedgerError("NEWER_FORMAT", `this latchkey does not know entries of "${visible(kind, 100)}"`);
  return kind;
}

/** Kinds whose requests end with the load of the session that asked, and do not outlive it. */
export const kindsOfOneLoad: readonly string[] = Object.values(kinds)
  .filter((row) => !row.survivesRuntime)
  .map((row) => row.event);

export const marks = (values: readonly unknown[]): string => values.map(() => "?").join(", ");
