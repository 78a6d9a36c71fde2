import { LedgerError } from "../../base/errors.js";
import type { Actor } from "../../pending/index.js";
import type { CancelOptions } from "../contract.js";
import {
  first,
  last,
  later,
  lock,
  number,
  query,
  type Row,
  type Rule,
  rows,
  type Statement,
  text,
  textOr,
  underLock,
} from "../engine/engine.js";
import { isDue } from "../rows.js";
import { moves, type State } from "../states.js";
import { attachAnswer } from "./attach-answer.js";
import { claimed, clearStash, fenced, inTime, openEntries, openQuery } from "./claim.js";
import { entryQuery, entryRow, known, move, rowState } from "./move.js";
import { answerQuery, pointedTo, refuseChanged, refuseStray } from "./pointer.js";
import { useTicket } from "./use-ticket.js";

/** An answer ready to be written: checked, sealed and recognisable. */
export interface AnswerDraft {
  readonly id: string;
  /** The entry as its seal was opened. */
  readonly entry: Row;
  readonly credential: string;
  readonly sealed: string;
  /** The first is what is kept; any of them recognises the same answer. */
  readonly digests: readonly [string, ...string[]];
  /** Whether it may serve other requests of the credential, and for how long. */
  readonly shared: boolean;
  readonly servesMs: number | undefined;
  readonly expiresAt: number | undefined;
  readonly by: string | undefined;
  readonly actor: Actor | undefined;
  readonly account: string | undefined;
  /** The claim under which it is given; without one, no claim may live. */
  readonly fence: number | undefined;
  /** The ticket that is used up by it. */
  readonly ticket: string | undefined;
  /** Proves that an entry was given this answer. */
  readonly attachment: (entry: string, answer: string) => string;
}

export function* answer(draft: AnswerDraft): Rule<Row> {
  const id = text(draft.entry.id);
  const { credential } = draft;
  const {
    now,
    fence: drawn,
    replies,
  } = yield* underLock(
    { lock: credential, draw: "fence" },
    query("SELECT * FROM @credentials WHERE credential = ?", credential),
    entryQuery(id),
    answerQuery(id),
    openQuery(credential),
  );
  const [[claim] = [], [found] = [], [given] = [], waiting = []] = replies;
  if (claim === undefined) throw new LedgerError("UNKNOWN_ENTRY", "the ledger does not know this credential");
  const live = number(claim.lease_until) > now;
  if (draft.fence !== undefined && number(claim.fence) !== draft.fence) throw fenced(draft.fence);
  const entry = known(found, id);
  refuseChanged(draft.entry, entry);
  refuseStray(entry, claim);
  if (hasAnswer(entry, pointedTo(entry, given), draft.digests)) return entry;
  if (draft.fence !== undefined && !live) throw fenced(draft.fence);
  if (draft.fence === undefined && live) throw claimed(claim);
  const open = yield* inTime(waiting, now);
  const expired = rowState(entry) === "open" && !open.some((row) => row.id === id);
  refuseFinal(expired ? { ...entry, state: "expired" } : entry, draft.shared);
  const expiresAt = draft.expiresAt ?? (draft.servesMs === undefined ? undefined : now + draft.servesMs);
  if (expiresAt !== undefined && expiresAt <= now)
    throw new LedgerError("EXPIRED", "the answer's time is over already");
  if (draft.ticket !== undefined) yield* useTicket(draft.ticket, now);
  // The fence moves even without a claim, so whoever held one before is out.
  const fence = draft.fence ?? drawn;
  const served = draft.shared ? open : open.filter((row) => row.id === id);
  yield* later(
    handedBack(credential, fence, served.length === open.length),
    writing(draft, claim, { fence, now, expiresAt }),
    { notify: true },
  );
  const answer = { ...claim, id: draft.id, account: draft.account, fence };
  const moved = yield* last(...served.map((row) => attachAnswer(row, answer, now, draft)));
  return moved.flat().find((row) => row.id === id) ?? entry;
}

/** The claim is over, and so is what was begun if nobody waits any more. */
const handedBack = (credential: string, fence: number, all: boolean): Statement =>
  query(
    `UPDATE @credentials SET lease_until = 0, owner = NULL, fence = ?${all ? ", stash = NULL, tag = NULL" : ""}
     WHERE credential = ?`,
    fence,
    credential,
  );

const writing = (
  draft: AnswerDraft,
  claim: Row,
  { fence, now, expiresAt }: { fence: number; now: number; expiresAt: number | undefined },
): Statement =>
  query(
    `INSERT INTO @answers (id, credential, principal, sealed, digest, shared, account, given_by, fence, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    draft.id,
    draft.credential,
    textOr(claim.principal) ?? null,
    draft.sealed,
    draft.digests[0],
    draft.shared ? 1 : 0,
    draft.account ?? null,
    draft.by ?? null,
    fence,
    now,
    expiresAt ?? null,
  );

/** True for the same answer again; another one is a conflict. */
function hasAnswer(entry: Row, given: Row | undefined, digests: readonly string[]): boolean {
  if (entry.answer == null) return false;
  if (given !== undefined && digests.includes(text(given.digest))) return true;
  // A lost or superseded request is past: a newer answer is for those that come after it.
  const state = rowState(entry);
  if (state === "lost" || state === "superseded") return false;
  throw new LedgerError("CONFLICT", "the entry already has another answer");
}

/** An answer that others can use is kept although the request that asked for it is gone. */
function refuseFinal(entry: Row, shared: boolean): void {
  const state = rowState(entry);
  if (state === "open" || (shared && (state === "lost" || state === "superseded"))) return;
  if (state === "expired") throw new LedgerError("EXPIRED", "the entry's time is over");
  throw new LedgerError("CONFLICT", `the entry is ${state} and takes no answer`);
}

export function* cancel(id: string, { force, by, reason }: CancelOptions): Rule<Row> {
  const credential = text((yield* entryRow(id)).credential);
  const now = yield* lock(credential);
  const entry = yield* entryRow(id);
  const state = rowState(entry);
  if (state === "cancelled") return entry;
  if (state === "expired" || isDue(entry, now)) throw new LedgerError("EXPIRED", "the entry's time is over");
  const allowed: readonly State[] = moves[state];
  if (!allowed.includes("cancelled"))
    throw new LedgerError("CONFLICT", `the entry is ${state} and cannot be cancelled`);
  const claim = yield* first("SELECT * FROM @credentials WHERE credential = ?", credential);
  const isLive = claim !== undefined && number(claim.lease_until) > now;
  // An open entry is somebody's work while a claim on its credential lives.
  if (state === "open" && isLive && !force) throw claimed(claim);
  const cancelled = (yield* move(entry, state, "cancelled", now, { by, reason })) ?? entry;
  if (state === "open" && !isLive && (yield* openEntries(credential, now)).length === 0) yield* clearStash(credential);
  return cancelled;
}

/** Takes an answer out of service; entries that it was given to keep it. */
export function* refuseAnswer(id: string): Rule<void> {
  const entry = yield* entryRow(id);
  const now = yield* lock(text(entry.credential));
  yield* rows(
    `UPDATE @answers SET refused_at = ? WHERE refused_at IS NULL AND id = (SELECT e.answer FROM @entries e WHERE e.id = ?
       AND e.credential = @answers.credential AND e.principal IS NOT DISTINCT FROM @answers.principal)`,
    now,
    id,
  );
}
