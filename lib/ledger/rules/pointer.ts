/** Rows point to each other by ids, and whoever can write the database can change these. So pointers are followed here only. */
import { LedgerError } from "../../base/errors.js";
import { first, query, type Row, type Rule, type Statement } from "../engine/engine.js";
import { entryPlace, ownedBy } from "../seal/place.js";

/** @throws LedgerError `CORRUPT` when an answer or a claim is not of the entry's principal and credential. */
export function refuseStray(entry: Row, other: Row): void {
  const [mine, its] = [ownedBy(entry), ownedBy(other)];
  if (mine.credential === its.credential && mine.principal === its.principal) return;
  throw new LedgerError("CORRUPT", "the entry points to a row of another principal or credential");
}

/** The answer that an entry points to. */
export const answerQuery = (id: string): Statement =>
  query("SELECT a.* FROM @entries e JOIN @answers a ON a.id = e.answer WHERE e.id = ?", id);

/** What `answerQuery` found for an entry that was read before it, of its own principal and credential. */
export function pointedTo(entry: Row, answer: Row | undefined): Row | undefined {
  if (answer === undefined || answer.id !== entry.answer) return undefined;
  refuseStray(entry, answer);
  return answer;
}

export function* answerOf(entry: Row): Rule<Row | undefined> {
  if (entry.answer == null) return undefined;
  return pointedTo(entry, yield* first("SELECT * FROM @answers WHERE id = ?", String(entry.answer)));
}

/**
 * A row is read and its seal opened before the transaction that acts on it. In there it must still say the same.
 * @throws LedgerError `CORRUPT` when what never changes has changed.
 */
export function refuseChanged(proven: Row, now: Row): void {
  const same = JSON.stringify(entryPlace(proven)) === JSON.stringify(entryPlace(now)) && proven.sealed === now.sealed;
  if (!same) throw new LedgerError("CORRUPT", "the entry changed after its seal was opened");
}
