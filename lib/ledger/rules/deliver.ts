import { LedgerError } from "../../base/errors.js";
import { rowOf } from "../../pending/index.js";
import type { Delivery, Reply } from "../contract.js";
import {
  first,
  last,
  later,
  lock,
  number,
  numberOr,
  query,
  type Row,
  type Rule,
  type Statement,
  text,
  textOr,
  together,
  underLock,
} from "../engine/engine.js";
import { entryOf } from "../rows.js";
import type { Outcome } from "../states.js";
import type { Lease } from "./claim.js";
import { entryQuery, entryRow, known, moving, presentState, receipt, rowState, unknownEntry } from "./move.js";
import { answerOf, answerQuery, pointedTo, refuseChanged } from "./pointer.js";

/**
 * An answer that can be given now: never sent, or sent by somebody whose lease ran out before a reply was seen. `only` is the principal
 * that the ledger is open for.
 */
export function* deliverable(id: string, only: string | undefined): Rule<{ entry: Row; answer: Row } | undefined> {
  const [[entry] = [], [found] = []] = yield* together(
    query("SELECT e.*, {now} AS now FROM @entries e WHERE id = ?", id),
    answerQuery(id),
  );
  if (entry === undefined || (only !== undefined && entry.principal !== only)) throw unknownEntry(id);
  if (!isDeliverable(entry, number(entry.now))) return undefined;
  const answer = pointedTo(entry, found);
  return answer === undefined ? undefined : { entry, answer };
}

function isDeliverable(entry: Row, at: number): boolean {
  const state = rowState(entry);
  return state === "answered" || (state === "sent" && (numberOr(entry.delivery_until) ?? 0) <= at);
}

export interface MarkedSent {
  readonly entry: Row;
  readonly fence: number;
  readonly inDoubt: boolean;
}

/**
 * Marks an entry as sent under a new fence, before anything is written to the wire. An entry in doubt whose completed
 * event was seen needs no second sending: it is settled here.
 */
export function* markSent(
  { entry: found, answer: { id: answer } }: { readonly entry: Row; readonly answer: Row },
  { owner, leaseMs }: Lease,
): Rule<MarkedSent | undefined> {
  const id = text(found.id);
  const taken = { lock: text(found.credential), draw: "fence" } as const;
  const { now: at, fence, replies } = yield* underLock(taken, entryQuery(id));
  const entry = known(replies[0]?.[0], id);
  refuseChanged(found, entry);
  if (!isDeliverable(entry, at) || entry.answer !== answer) return undefined;
  const inDoubt = rowState(entry) === "sent";
  if (inDoubt && entry.completed_at != null) {
    const note = { by: owner, outcome: "accepted", reason: "its completed event was seen" } as const;
    yield* later(moving(entry, "sent", "settled", at, note));
    return undefined;
  }
  const until = at + leaseMs;
  const again = query(
    "UPDATE @entries SET delivery_fence = ?, delivery_until = ? WHERE id = ? RETURNING *",
    fence,
    until,
    id,
  );
  if (inDoubt) yield* later(receipt(entry, "sent", at, { by: owner, fence, reason: "in doubt, given again" }));
  const [[sent] = []] = yield* last(
    inDoubt
      ? again
      : moving(entry, "answered", "sent", at, {
          by: owner,
          fence,
          set: { delivery_fence: fence, delivery_until: until },
        }),
    query(
      "UPDATE @given SET sent_at = ? WHERE intent = ? AND answer = ? AND principal IS NOT DISTINCT FROM CAST(? AS TEXT)",
      at,
      text(entry.intent),
      text(answer),
      textOr(entry.principal) ?? null,
    ),
  );
  return sent && { entry: sent, fence, inDoubt };
}

export function* extendDelivery(id: string, fence: number, leaseMs: number): Rule<void> {
  const at = yield* lock(text((yield* entryRow(id)).credential));
  const row = yield* first(
    "UPDATE @entries SET delivery_until = ? WHERE id = ? AND delivery_fence = ? RETURNING id",
    at + leaseMs,
    id,
    fence,
  );
  if (row === undefined) throw overtaken(fence);
}

/** Writes the runtime's reply down. The lease does not matter as long as nobody else was given the delivery. */
export function* settle(
  { entry: { id, credential }, fence, inDoubt }: Pick<Delivery, "entry" | "fence" | "inDoubt">,
  { reply, by }: { readonly reply: Reply; readonly by: string },
): Rule<Row> {
  const { now: at, replies } = yield* underLock(
    { lock: credential },
    entryQuery(id),
    ...(reply.accepted ? [] : [newerQuery(id)]),
  );
  const [[found] = [], [newer] = []] = replies;
  const entry = known(found, id);
  if (numberOr(entry.delivery_fence) !== fence) throw overtaken(fence);
  if (rowState(entry) !== "sent") return entry;
  const outcome = reply.accepted ? "accepted" : refusal(entry, { inDoubt, reply, at, isNewest: newer === undefined });
  const [[settled = entry] = []] = yield* last(
    moving(entry, "sent", "settled", at, { by, fence, outcome, reason: reply.reason }),
  );
  return settled;
}

const overtaken = (fence: number): LedgerError =>
  new LedgerError("FENCED", `the delivery with fence ${fence} was taken over; nothing was written`);

/** Another entry of the same question, not older. */
const newerQuery = (id: string): Statement =>
  query(
    `SELECT n.id FROM @entries e JOIN @entries n ON n.intent = e.intent AND n.id <> e.id AND n.created_at >= e.created_at
     WHERE e.id = ? LIMIT 1`,
    id,
  );

/** Why the runtime does not wait for the request, as far as the ledger knows. */
function refusal(
  entry: Row,
  { inDoubt, reply, at, isNewest }: { inDoubt: boolean; reply: Reply; at: number; isNewest: boolean },
): Outcome {
  if (reply.completed === true || entry.completed_at != null) return inDoubt ? "accepted-before" : "conflict";
  const { kind, data } = entryOf(entry);
  const kindRow = rowOf(kind);
  if (!isNewest && !kindRow.survivesRuntime) return "superseded";
  const limitMs = kindRow.limitMs?.(data);
  const ends = [numberOr(entry.expires_at), limitMs && number(entry.created_at) + limitMs];
  return ends.some((end) => end !== undefined && end <= at) ? "expired" : "unknown";
}

/** A settled entry and the answer that it was given. */
export function* givenBefore(id: string): Rule<{ entry: Row; answer: Row | undefined }> {
  const entry = yield* entryRow(id);
  return { entry, answer: rowState(entry) === "settled" ? yield* answerOf(entry) : undefined };
}

/** The receipt that a settled entry is given its answer once more. Without one the entry waits for it again. */
export function* giveAgain(
  found: { readonly entry: Row; readonly answer: Row | undefined },
  note: { by?: string | undefined; reason?: string | undefined },
): Rule<Row | undefined> {
  const id = text(found.entry.id);
  const at = yield* lock(text(found.entry.credential));
  const entry = yield* entryRow(id);
  refuseChanged(found.entry, entry);
  if (rowState(entry) !== "settled") return undefined;
  if (entry.answer == null) {
    const set = { outcome: null, over_at: null, due_at: numberOr(entry.expires_at) ?? null };
    yield* later(moving(entry, "settled", "open", at, { ...note, set }));
    return undefined;
  }
  const answer = yield* answerOf(entry);
  if (answer?.id !== found.answer?.id) return undefined;
  if (answer !== undefined) yield* later(receipt(entry, "sent", at, { ...note, reason: note.reason ?? "given again" }));
  return answer;
}

/** The runtime says that a request is over. `whose` leaves one principal's. */
export function* completed(
  request: {
    kind: string;
    sessionId: string;
    requestId: string;
    by?: string | undefined;
  },
  whose: string | undefined,
): Rule<Row | undefined> {
  const { kind, sessionId, requestId, by } = request;
  const found = yield* first(
    "SELECT id, credential, principal FROM @entries WHERE session_id = ? AND kind = ? AND request_id = ?",
    sessionId,
    kind,
    requestId,
  );
  if (found === undefined || (whose !== undefined && found.principal !== whose)) return undefined;
  const id = text(found.id);
  const { now: at, replies } = yield* underLock({ lock: text(found.credential) }, entryQuery(id));
  const entry = known(replies[0]?.[0], id);
  const state = yield* presentState(entry, at);
  if (state === "open" || state === "answered") {
    const [[moved = entry] = []] = yield* last(moving(entry, state, "settled", at, { by, outcome: "elsewhere" }));
    return moved;
  }
  if (state !== "sent") return state === rowState(entry) ? entry : yield* entryRow(id);
  const note = { by, outcome: "accepted", reason: "its completed event was seen" } as const;
  const isOver = (numberOr(entry.delivery_until) ?? 0) <= at;
  // Whoever sent it has yet to hear whether it was their answer.
  const seen = query("UPDATE @entries SET completed_at = ? WHERE id = ? RETURNING *", at, id);
  const [[done = entry] = []] = yield* last(isOver ? moving(entry, state, "settled", at, note) : seen);
  return done;
}
