import type { LostOptions } from "../contract.js";
import {
  last,
  later,
  type Question,
  query,
  type Row,
  type Rule,
  type Statement,
  text,
  underLock,
} from "../engine/engine.js";
import { kindsOfOneLoad, marks, moving, presentState } from "./move.js";

/** Epochs have no order of their own. One that was seen before the newest epoch began belongs to an earlier load: a row then. */
export const staleQuery = (sessionId: string, epoch: string): Statement =>
  query(
    `SELECT 1 AS stale FROM (SELECT epoch, created_at FROM @entries WHERE session_id = ? AND epoch IS NOT NULL
       ORDER BY created_at DESC, id DESC LIMIT 1) AS newest
     WHERE newest.epoch <> ? AND EXISTS (SELECT 1 FROM @entries b WHERE b.session_id = ? AND b.epoch = ?
       AND b.created_at < newest.created_at)`,
    sessionId,
    epoch,
    sessionId,
    epoch,
  );

export type Loss = LostOptions & {
  /** Only this principal's. */
  readonly whose?: string | undefined;
};

/** What earlier loads of a session asked, and could not keep. */
export const deadQuery = (sessionId: string, options: Loss): Statement =>
  query(
    `SELECT id, principal, state, expires_at FROM @entries WHERE session_id = ? AND state IN ('open', 'answered', 'sent')
     ${options.all ? "" : `AND kind IN (${marks(kindsOfOneLoad)})`}
     ${options.epoch === undefined ? "" : "AND epoch IS NOT NULL AND epoch <> ?"}
     ${options.whose === undefined ? "" : "AND principal = ?"} ORDER BY created_at, id`,
    sessionId,
    ...(options.all ? [] : kindsOfOneLoad),
    ...(options.epoch === undefined ? [] : [options.epoch]),
    ...(options.whose === undefined ? [] : [options.whose]),
  );

/** It is lost. What was sent and got no reply is settled: the load that could tell is gone. */
export function* losing(
  dead: readonly Row[],
  now: number,
  note: Pick<LostOptions, "by" | "reason">,
): Rule<readonly Question[]> {
  const found: Question[] = [];
  for (const row of dead) {
    const state = yield* presentState(row, now);
    if (state === "expired") continue;
    found.push(
      state === "sent"
        ? moving(row, state, "settled", now, { by: note.by, reason: note.reason, outcome: "unknown" })
        : moving(row, state, "lost", now, { by: note.by, reason: note.reason }),
    );
  }
  return found;
}

/** Marks what is lost, and returns it as it is now. */
export function* markLost(sessionId: string, options: Loss): Rule<readonly Row[]> {
  const { now, replies } = yield* underLock({ lock: `session/${sessionId}` }, deadQuery(sessionId, options));
  // The new load was given no answer yet, so an answer that is still good may serve its questions again.
  if (options.epoch === undefined && options.only === undefined) {
    yield* later(
      query(
        `UPDATE @given SET sent_at = NULL WHERE sent_at IS NOT NULL
         AND intent IN (SELECT intent FROM @entries WHERE session_id = ?)`,
        sessionId,
      ),
    );
  }
  const dead = (replies[0] ?? []).filter(({ id }) => options.only?.includes(text(id)) ?? true);
  return (yield* last(...(yield* losing(dead, now, options)))).flat();
}
