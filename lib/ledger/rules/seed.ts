import { first, later, lock, now, type Row, type Rule, rows, text, textOr } from "../engine/engine.js";
import { moving } from "./move.js";

/**
 * For every question that a session asked before, of each principal: its newest entry and the newest good answer of that principal and
 * credential. `principal` leaves one principal's, `null` those of nobody.
 */
export function* seedRows(
  sessionId: string,
  principal: string | null | undefined,
): Rule<{ entry: Row; answer: Row }[]> {
  const at = yield* now();
  const asked = yield* rows(
    `SELECT e.* FROM @entries e WHERE e.session_id = ? ${principal === undefined ? "" : "AND e.principal IS NOT DISTINCT FROM CAST(? AS TEXT)"}
     AND NOT EXISTS (SELECT 1 FROM @entries n WHERE n.intent = e.intent AND n.principal IS NOT DISTINCT FROM e.principal
       AND (n.created_at > e.created_at OR (n.created_at = e.created_at AND n.id > e.id)))
     ORDER BY e.created_at, e.id`,
    sessionId,
    ...(principal === undefined ? [] : [principal]),
  );
  const found: { entry: Row; answer: Row }[] = [];
  for (const entry of asked) {
    const answer = yield* first(
      `SELECT * FROM @answers WHERE credential = ? AND principal IS NOT DISTINCT FROM CAST(? AS TEXT)
       AND shared = 1 AND refused_at IS NULL
       AND (expires_at IS NULL OR expires_at > ?) ORDER BY fence DESC LIMIT 1`,
      text(entry.credential),
      textOr(entry.principal) ?? null,
      at,
    );
    if (answer !== undefined) found.push({ entry, answer });
  }
  return found;
}

/**
 * A session was given an answer without being asked, so a refusal that follows is about it. What was lost of the same question
 * is settled: nobody asks again what is answered, and should the answer be refused, a new entry says so.
 */
export function* wasGiven(entry: Row, answer: string, epoch: string | undefined): Rule<void> {
  const at = yield* lock(text(entry.credential));
  yield* rows(
    `INSERT INTO @given (intent, answer, principal, epoch, sent_at)
     SELECT intent, CAST(? AS TEXT), principal, CAST(? AS TEXT), CAST(? AS BIGINT) FROM @entries WHERE id = ?
     ON CONFLICT (intent, answer) DO UPDATE SET epoch = excluded.epoch, sent_at = excluded.sent_at`,
    answer,
    epoch ?? null,
    at,
    text(entry.id),
  );
  const lost = yield* rows(
    "SELECT id, principal FROM @entries WHERE intent = ? AND state = 'lost' AND principal IS NOT DISTINCT FROM CAST(? AS TEXT)",
    text(entry.intent),
    textOr(entry.principal) ?? null,
  );
  const note = { outcome: "seeded", reason: "the session is loaded with its answer" } as const;
  yield* later(...lost.map((row) => moving(row, "lost", "settled", at, note)));
}
