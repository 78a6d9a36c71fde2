/**
 * Who was told of a need. The receipts of an entry say it, by an `event` of their own, under the name of who is told.
 *
 *     (nothing), not-told -> telling    on disk before anybody is told
 *     telling             -> told       nobody is told of this need again
 *     telling             -> not-told   it failed
 *     telling             -> telling    its time is over and nothing was heard: somebody else tells it
 *     any                 -> (nothing)  the need has ended: an entry of its credential was answered, cancelled, completed or expired since
 */
import type { Notice } from "../contract/notices.js";
import { first, later, lock, number, type Row, type Rule, text } from "../engine/engine.js";
import { credentialOf, entryRow, presentState, receipt, rowState } from "./move.js";

export const noticeEvents = ["telling", "told", "not-told"] as const;
export type NoticeEvent = (typeof noticeEvents)[number];

export interface NoticeDraft {
  readonly id: string;
  readonly name: string;
  readonly by: string | undefined;
  readonly leaseMs: number;
}

/** As `Ledger.notice`, without the verbs. */
export type Taken = Exclude<Notice, { state: "ours" }> | { readonly state: "ours"; readonly again: boolean };

export function* takeNotice(draft: NoticeDraft): Rule<Taken> {
  const { id, name } = draft;
  const credential = yield* credentialOf(id);
  const now = yield* lock(credential);
  const entry = yield* entryRow(id);
  if ((yield* presentState(entry, now)) !== "open") return { state: "over" };
  const before = yield* lastNotice(credential, name);
  if (before?.event === "told") return { state: "told" };
  const leftMs = before?.event === "telling" ? number(before.at) + draft.leaseMs - now : 0;
  if (leftMs > 0) return { state: "busy", leftMs };
  yield* later(receipt(entry, "open", now, { by: draft.by, event: "telling", reason: name }));
  return { state: "ours", again: before !== undefined };
}

/** What became of it. A later try of somebody else does not matter: what happened has happened. */
export function* noteNotice(
  { id, name, by }: NoticeDraft,
  event: Exclude<NoticeEvent, "telling">,
  why?: string,
): Rule<void> {
  const row = yield* entryRow(id);
  const now = yield* lock(text(row.credential));
  const reason = why === undefined ? name : `${name}: ${why}`;
  yield* later(receipt(row, rowState(row), now, { by, event, reason }));
}

/** The last line about this need under this name. Lines of a need that has ended since do not count. */
function* lastNotice(credential: string, name: string): Rule<Row | undefined> {
  return yield* first(
    `SELECT r.at, r.event FROM @receipts r JOIN @entries e ON e.id = r.entry
     WHERE e.credential = ? AND r.principal IS NOT DISTINCT FROM e.principal AND r.event IN ('telling', 'told', 'not-told')
       AND (r.reason = ? OR SUBSTR(r.reason, 1, CAST(? AS INTEGER)) = ?)
       AND NOT EXISTS (SELECT 1 FROM @receipts o JOIN @entries f ON f.id = o.entry
         WHERE f.credential = e.credential AND o.seq > r.seq AND o.event IS NULL
           AND o.state IN ('answered', 'settled', 'cancelled', 'expired'))
     ORDER BY r.seq DESC LIMIT 1`,
    credential,
    name,
    name.length + 2,
    `${name}: `,
  );
}
