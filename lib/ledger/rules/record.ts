import type { KindName } from "../../pending/index.js";
import { first, lock, type Row, type Rule, rows, text, textOr } from "../engine/engine.js";
import type { Proof } from "../seal/keyring.js";
import { attachAnswer } from "./attach-answer.js";
import { isStale, markLost } from "./lost.js";
import { entryRow, move, presentState, receipt } from "./move.js";
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

export function* record(draft: Draft): Rule<Row> {
  const now = yield* lock(draft.credential);
  const known = yield* sameRequest(draft);
  if (known !== undefined)
    return (yield* presentState(known, now)) === known.state ? known : yield* entryRow(text(known.id));
  if (draft.proof !== undefined) yield* noteKey(draft.proof);
  yield* first(
    "INSERT INTO @credentials (credential, principal) VALUES (?, ?) ON CONFLICT (credential) DO NOTHING",
    draft.credential,
    draft.principal ?? null,
  );
  const inserted = yield* first(
    `INSERT INTO @entries (id, kind, session_id, request_id, endpoint, principal, received_at, data, sealed, intent,
       credential, epoch, anchor, traceparent, state, created_at, updated_at, expires_at, due_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?)
     ON CONFLICT (session_id, kind, request_id) DO NOTHING RETURNING id`,
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
  );
  // Somebody recorded it at the same moment under another credential, such as with another principal. Their entry stays.
  if (inserted === undefined) return (yield* sameRequest(draft)) ?? (yield* entryRow(draft.id));
  yield* receipt(draft.id, "open", now, { by: draft.by });
  if (draft.epoch !== undefined && (yield* isStale(draft.sessionId, draft.epoch, draft.id))) {
    yield* move(draft.id, "open", "lost", now, { by: draft.by, reason: "the session was loaded anew since" });
    return yield* entryRow(draft.id);
  }
  if (draft.epoch !== undefined) {
    const { epoch, by } = draft;
    yield* markLost(draft.sessionId, now, { epoch, by, reason: "the session was loaded anew" });
  }
  yield* supersede(draft, now);
  if (draft.refused) yield* refuse(draft.intent, now);
  const answer = yield* goodAnswer(draft, now);
  const entry = yield* entryRow(draft.id);
  if (answer === undefined) return entry;
  yield* attachAnswer(entry, answer, now, { by: textOr(answer.given_by), attachment: draft.attachment });
  return yield* entryRow(draft.id);
}

function* sameRequest(draft: Draft): Rule<Row | undefined> {
  const row = yield* first(
    "SELECT * FROM @entries WHERE session_id = ? AND kind = ? AND request_id = ?",
    draft.sessionId,
    draft.kind,
    draft.requestId,
  );
  if (row === undefined) return undefined;
  const endpoint = draft.endpoint ?? textOr(row.endpoint) ?? null;
  const epoch = draft.epoch ?? textOr(row.epoch) ?? null;
  if (endpoint === row.endpoint && epoch === row.epoch) return row;
  yield* rows("UPDATE @entries SET endpoint = ?, epoch = ? WHERE id = ?", endpoint, epoch, text(row.id));
  return yield* entryRow(text(row.id));
}

/**
 * The runtime asked again, so nobody waits for the earlier request of the same intent. Only a request that outlives its
 * load may stand beside another one of its intent: there, only what was lost has found its successor.
 */
function* supersede(draft: Draft, now: number): Rule<void> {
  const past = draft.survives ? "'lost'" : "'open', 'answered', 'lost'";
  const earlier = yield* rows(
    `SELECT id, state, expires_at FROM @entries WHERE intent = ? AND state IN (${past}) AND id <> ? ORDER BY created_at, id`,
    draft.intent,
    draft.id,
  );
  const note = { by: draft.by, reason: "asked again" };
  for (const row of earlier) {
    const id = text(row.id);
    const state = yield* presentState(row, now);
    if (state === "expired" || (state !== "lost" && !(yield* move(id, state, "lost", now, note)))) continue;
    yield* move(id, "lost", "superseded", now, { ...note, set: { successor: draft.id } });
  }
}

/**
 * Every answer that the runtime was given for this intent is bad from now on, for the whole credential. A row that says so must be of the
 * answer's own principal: a broker's role may write rows of its own.
 */
function* refuse(intent: string, now: number): Rule<void> {
  yield* rows(
    `UPDATE @answers SET refused_at = ? WHERE refused_at IS NULL AND id IN (SELECT g.answer FROM @given g
       WHERE g.intent = ? AND g.sent_at IS NOT NULL AND g.principal IS NOT DISTINCT FROM @answers.principal)`,
    now,
    intent,
  );
}

/**
 * The newest answer that may still serve. One that this load of the session has had already is not given to it again:
 * were it wrong, the runtime would be told the same for ever. A load ends with `lost`, or with another epoch.
 */
function* goodAnswer(draft: Draft, now: number): Rule<Row | undefined> {
  return yield* first(
    `SELECT a.* FROM @answers a WHERE a.credential = ? AND a.principal IS NOT DISTINCT FROM CAST(? AS TEXT)
     AND a.shared = 1 AND a.refused_at IS NULL
     AND (a.expires_at IS NULL OR a.expires_at > ?)
     AND NOT EXISTS (SELECT 1 FROM @given g WHERE g.answer = a.id AND g.intent = ? AND g.sent_at IS NOT NULL
       AND g.principal IS NOT DISTINCT FROM a.principal
       AND (g.epoch IS NULL OR CAST(? AS TEXT) IS NULL OR g.epoch = CAST(? AS TEXT)))
     ORDER BY a.fence DESC LIMIT 1`,
    draft.credential,
    draft.principal ?? null,
    now,
    draft.intent,
    draft.epoch ?? null,
    draft.epoch ?? null,
  );
}
