import type { KindName } from "../../pending/index.js";
import {
  last,
  later,
  type Question,
  query,
  type Row,
  type Rule,
  type Statement,
  text,
  textOr,
  together,
  underLock,
} from "../engine/engine.js";
import type { Proof } from "../seal/keyring.js";
import { attachAnswer } from "./attach-answer.js";
import { deadQuery, losing, staleQuery } from "./lost.js";
import { entryRow, moving, noting, presentState } from "./move.js";
import { noteKey } from "./seals.js";

/** A request that is ready to be written. Keys are derived and secrets sealed before the transaction: a rule cannot wait for that. */
export interface Draft {
  readonly id: string;
  readonly kind: KindName;
  readonly sessionId: string;
  readonly requestId: string;
  readonly endpoint: string | undefined;
  readonly principal: string | undefined;
  readonly receivedAt: string;
  readonly data: string;
  readonly sealed: string;
  readonly intent: string;
  readonly credential: string;
  /** The event says that the answer to this intent was refused. */
  readonly refused: boolean;
  /** The request stays answerable when its session is loaded anew. */
  readonly survives: boolean;
  readonly epoch: string | undefined;
  /** The last persisted event before it in the session's log. */
  readonly anchor: string | undefined;
  readonly traceparent: string | undefined;
  readonly expiresAt: number | undefined;
  readonly by: string | undefined;
  /** Of the key that sealed it, where the ledger does not know that yet. */
  readonly proof: Proof | undefined;
  /** Proves that an entry was given an answer. */
  readonly attachment: (entry: string, answer: string) => string;
}

/** Nothing when somebody recorded the request at the same moment under another credential: asked again, their entry is found. */
export function* record(draft: Draft): Rule<Row | undefined> {
  const { epoch, by } = draft;
  const { now, replies } = yield* underLock(
    { lock: draft.credential },
    sameQuery(draft),
    earlierQuery(draft),
    goodAnswerQuery(draft),
    ...(epoch === undefined ? [] : [staleQuery(draft.sessionId, epoch), deadQuery(draft.sessionId, { epoch })]),
  );
  const [[same] = [], earlier = [], [answer] = [], [stale] = [], dead = []] = replies;
  if (same !== undefined) return yield* again(same, draft, now);
  if (draft.proof !== undefined) yield* later(noteKey(draft.proof));
  yield* later(
    query(
      "INSERT INTO @credentials (credential, principal) VALUES (?, ?) ON CONFLICT (credential) DO NOTHING",
      draft.credential,
      draft.principal ?? null,
    ),
  );
  const isAlone = stale === undefined && answer === undefined && !draft.refused;
  if (isAlone && earlier.length === 0 && dead.length === 0) return (yield* last(inserting(draft, now)))[0]?.[0];
  const [[entry] = []] = yield* together(inserting(draft, now));
  if (entry === undefined) return undefined;
  if (stale !== undefined) {
    const [[lost = entry] = []] = yield* last(
      moving(entry, "open", "lost", now, { by, reason: "the session was loaded anew since" }),
    );
    return lost;
  }
  yield* later(...(yield* losing(dead, now, { by, reason: "the session was loaded anew" })));
  yield* supersede(earlier, draft, now);
  if (draft.refused) yield* later(refusing(draft.intent, now));
  if (answer === undefined) return entry;
  const note = { by: textOr(answer.given_by), attachment: draft.attachment };
  const [[answered = entry] = []] = yield* last(attachAnswer(entry, answer, now, note));
  return answered;
}

const sameQuery = (draft: Draft): Statement =>
  query(
    "SELECT * FROM @entries WHERE session_id = ? AND kind = ? AND request_id = ?",
    draft.sessionId,
    draft.kind,
    draft.requestId,
  );

/** The same request again: one entry, which learns where its session is now. */
function* again(known: Row, draft: Draft, now: number): Rule<Row> {
  const endpoint = draft.endpoint ?? textOr(known.endpoint) ?? null;
  const epoch = draft.epoch ?? textOr(known.epoch) ?? null;
  const changed = endpoint !== known.endpoint || epoch !== known.epoch;
  if (changed)
    yield* later(query("UPDATE @entries SET endpoint = ?, epoch = ? WHERE id = ?", endpoint, epoch, text(known.id)));
  return (yield* presentState(known, now)) === known.state && !changed ? known : yield* entryRow(text(known.id));
}

const inserting = (draft: Draft, now: number): Question => ({
  ...query(
    `INSERT INTO @entries (id, kind, session_id, request_id, endpoint, principal, received_at, data, sealed, intent,
       credential, epoch, anchor, traceparent, state, created_at, updated_at, expires_at, due_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?)
     ON CONFLICT (session_id, kind, request_id) DO NOTHING RETURNING *`,
    draft.id,
    draft.kind,
    draft.sessionId,
    draft.requestId,
    draft.endpoint ?? null,
    draft.principal ?? null,
    draft.receivedAt,
    draft.data,
    draft.sealed,
    draft.intent,
    draft.credential,
    draft.epoch ?? null,
    draft.anchor ?? null,
    draft.traceparent ?? null,
    now,
    now,
    draft.expiresAt ?? null,
    draft.expiresAt ?? null,
  ),
  each: [noting(draft, "open", now, { by: draft.by })],
});

/** Only a request that outlives its load may stand beside another one of its intent: there, only what was lost has found its successor. */
const earlierQuery = (draft: Draft): Statement =>
  query(
    `SELECT id, principal, state, expires_at FROM @entries
     WHERE intent = ? AND state IN (${draft.survives ? "'lost'" : "'open', 'answered', 'lost'"}) AND id <> ? ORDER BY created_at, id`,
    draft.intent,
    draft.id,
  );

/** The runtime asked again, so nobody waits for the earlier request of the same intent. */
function* supersede(earlier: readonly Row[], draft: Draft, now: number): Rule<void> {
  const note = { by: draft.by, reason: "asked again" };
  for (const row of earlier) {
    const state = yield* presentState(row, now);
    if (state === "expired") continue;
    if (state !== "lost") yield* later(moving(row, state, "lost", now, note));
    // It finds nothing where the move before did not.
    yield* later(moving(row, "lost", "superseded", now, { ...note, set: { successor: draft.id } }));
  }
}

/**
 * Every answer that the runtime was given for this intent is bad from now on, for the whole credential. A row that says so must be of the
 * answer's own principal: a broker's role may write rows of its own.
 */
const refusing = (intent: string, now: number): Statement =>
  query(
    `UPDATE @answers SET refused_at = ? WHERE refused_at IS NULL AND id IN (SELECT g.answer FROM @given g
       WHERE g.intent = ? AND g.sent_at IS NOT NULL AND g.principal IS NOT DISTINCT FROM @answers.principal)`,
    now,
    intent,
  );

/**
 * The newest answer that may still serve. One that this load of the session has had already is not given to it again:
 * were it wrong, the runtime would be told the same for ever. A load ends with `lost`, or with another epoch. Where the event says that the
 * answer was refused, none that any load has had serves.
 */
function goodAnswerQuery(draft: Draft): Statement {
  const epoch = draft.epoch ?? null;
  return query(
    `SELECT a.* FROM @answers a WHERE a.credential = ? AND a.principal IS NOT DISTINCT FROM CAST(? AS TEXT)
     AND a.shared = 1 AND a.refused_at IS NULL
     AND (a.expires_at IS NULL OR a.expires_at > {now})
     AND NOT EXISTS (SELECT 1 FROM @given g WHERE g.answer = a.id AND g.intent = ? AND g.sent_at IS NOT NULL
       AND g.principal IS NOT DISTINCT FROM a.principal
       ${draft.refused ? "" : "AND (g.epoch IS NULL OR CAST(? AS TEXT) IS NULL OR g.epoch = CAST(? AS TEXT))"})
     ORDER BY a.fence DESC LIMIT 1`,
    draft.credential,
    draft.principal ?? null,
    draft.intent,
    ...(draft.refused ? [] : [epoch, epoch]),
  );
}
