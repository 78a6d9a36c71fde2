import type { LostOptions } from "../contract.js";
import { first, number, type Rule, rows, text } from "../engine/engine.js";
import { kindsOfOneLoad, marks, move, presentState } from "./move.js";

/** Epochs have no order of their own. One that was seen before the newest epoch began belongs to an earlier load. */
export function* isStale(sessionId: string, epoch: string, id: string): Rule<boolean> {
  const newest = yield* first(
    `SELECT epoch, created_at FROM @entries WHERE session_id = ? AND epoch IS NOT NULL AND id <> ?
     ORDER BY created_at DESC, id DESC LIMIT 1`,
    sessionId,
    id,
  );
  if (newest === undefined || newest.epoch === epoch) return false;
  const before = yield* first(
    "SELECT id FROM @entries WHERE session_id = ? AND epoch = ? AND id <> ? AND created_at < ? LIMIT 1",
    sessionId,
    epoch,
    id,
    number(newest.created_at),
  );
  return before !== undefined;
}

/**
 * What earlier loads of a session asked and could not keep is lost. What was sent and got no reply is settled: the load
 * that could tell is gone.
 */
export function* markLost(
  sessionId: string,
  now: number,
  options: LostOptions & {
    /** Only this principal's. */
    whose?: string | undefined;
  },
): Rule<string[]> {
  const kind = options.all ? "" : `AND kind IN (${marks(kindsOfOneLoad)})`;
  const earlier = options.epoch === undefined ? "" : "AND epoch IS NOT NULL AND epoch <> ?";
  const dead = yield* rows(
    `SELECT id, state, expires_at FROM @entries WHERE session_id = ? AND state IN ('open', 'answered', 'sent')
     ${kind} ${earlier} ${options.whose === undefined ? "" : "AND principal = ?"} ORDER BY created_at, id`,
    sessionId,
    ...(options.all ? [] : kindsOfOneLoad),
    ...(options.epoch === undefined ? [] : [options.epoch]),
    ...(options.whose === undefined ? [] : [options.whose]),
  );
  // The new load was given no answer yet, so an answer that is still good may serve its questions again.
  if (options.epoch === undefined && options.only === undefined) {
    yield* rows(
      `UPDATE @given SET sent_at = NULL WHERE sent_at IS NOT NULL
       AND intent IN (SELECT intent FROM @entries WHERE session_id = ?)`,
      sessionId,
    );
  }
  const moved: string[] = [];
  for (const row of dead) {
    const id = text(row.id);
    if (options.only !== undefined && !options.only.includes(id)) continue;
    const state = yield* presentState(row, now);
    if (state === "expired") continue;
    const note = { by: options.by, reason: options.reason };
    const done =
      state === "sent"
        ? yield* move(id, state, "settled", now, { ...note, outcome: "unknown" })
        : yield* move(id, state, "lost", now, note);
    if (done) moved.push(id);
  }
  return moved;
}
