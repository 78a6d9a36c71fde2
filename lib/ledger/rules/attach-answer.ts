import { number, type Row, type Rule, rows, text, textOr } from "../engine/engine.js";
import { move, type Note } from "./move.js";
import { refuseStray } from "./pointer.js";

/** Gives an open entry an answer of its credential. */
export function* attachAnswer(
  entry: Row,
  answer: Row,
  now: number,
  note: Pick<Note, "by" | "actor" | "ticket"> & { attachment: (entry: string, answer: string) => string },
): Rule<Row | undefined> {
  refuseStray(entry, answer);
  const id = text(entry.id);
  const pointer = {
    answer: text(answer.id),
    account: textOr(answer.account) ?? null,
    answer_mac: note.attachment(id, text(answer.id)),
  };
  const moved = yield* move(id, "open", "answered", now, {
    by: note.by,
    actor: note.actor,
    ticket: note.ticket,
    fence: number(answer.fence),
    set: pointer,
  });
  if (moved === undefined) return undefined;
  yield* rows(
    `INSERT INTO @given (intent, answer, principal, epoch)
     SELECT intent, answer, principal, epoch FROM @entries WHERE id = ?
     ON CONFLICT (intent, answer) DO UPDATE SET epoch = excluded.epoch, sent_at = NULL`,
    id,
  );
  return moved;
}
