/** Rows point to each other by ids, and whoever can write the database can change these. So pointers are followed here only. */
import { LedgerError } from "../../base/errors.js";
import { first, type Row, type Rule } from "../engine/engine.js";
import { entryPlace, ownedBy } from "../seal/place.js";

/** @throws LedgerError `CORRUPT` when an answer or a claim is not of the entry's principal and credential. */
export function refuseStray(entry: Row, other: Row): void {
  const [mine, its] = [ownedBy(entry), ownedBy(other)];
  if (mine.credential === its.credential && mine.principal === its.principal) return;
  throw new LedgerError("CORRUPT", "the entry points to a row of another principal or credential");
}

/** The answer that an entry points to, of its own principal and credential. */
export function* answerOf(entry: Row): Rule<Row | undefined> {
  if (entry.answer == null) return undefined;
  const answer = yield* first("SELECT * FROM @answers WHERE id = ?", String(entry.answer));
  if (answer !== undefined) refuseStray(entry, answer);
  return answer;
}

/**
 * A row is read and its seal opened before the transaction that acts on it. In there it must still say the same.
 * @throws LedgerError `CORRUPT` when what never changes has changed.
 */
export function refuseChanged(proven: Row, now: Row): void {
  const same = JSON.stringify(entryPlace(proven)) === JSON.stringify(entryPlace(now)) && proven.sealed === now.sealed;
  if (!same) throw new LedgerError("CORRUPT", "the entry changed after its seal was opened");
}
