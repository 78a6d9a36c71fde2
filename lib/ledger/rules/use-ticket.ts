import { LedgerError } from "../../base/errors.js";
import { first, type Rule } from "../engine/engine.js";

/** Used up, in the transaction that answers or cancels its entry. */
export function* useTicket(id: string, now: number): Rule<void> {
  const row = yield* first("UPDATE @tickets SET used_at = ? WHERE id = ? AND used_at IS NULL RETURNING id", now, id);
  if (row === undefined) throw usedTicket();
}

export const usedTicket = (): LedgerError => new LedgerError("USED_TICKET", "the ticket was used already");
