import { number, type Question, query, type Row, text, textOr } from "../engine/engine.js";
import { moving, type Note } from "./move.js";
import { refuseStray } from "./pointer.js";

/** Gives an open entry an answer of its credential. */
export function attachAnswer(
  entry: Row,
  answer: Row,
  now: number,
  note: Pick<Note, "by" | "actor" | "ticket"> & { attachment: (entry: string, answer: string) => string },
): Question {
  refuseStray(entry, answer);
  const id = text(entry.id);
  const pointer = {
    answer: text(answer.id),
    account: textOr(answer.account) ?? null,
    answer_mac: note.attachment(id, text(answer.id)),
  };
  const { each, ...moved } = moving(entry, "open", "answered", now, {
    by: note.by,
    actor: note.actor,
    ticket: note.ticket,
    fence: number(answer.fence),
    set: pointer,
  });
  const given = query(
    `INSERT INTO @given (intent, answer, principal, epoch)
     SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT) {each}
     ON CONFLICT (intent, answer) DO UPDATE SET epoch = excluded.epoch, sent_at = NULL`,
    text(entry.intent),
    pointer.answer,
    textOr(entry.principal) ?? null,
    textOr(entry.epoch) ?? null,
  );
  return { ...moved, each: [...each, given] };
}
