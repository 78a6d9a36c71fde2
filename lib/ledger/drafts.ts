import { randomUUID } from "node:crypto";
import { momentOf } from "../base/amounts.js";
import { checkPrincipal } from "../base/principal.js";
import { traceparentOf } from "../base/trace.js";
import { credentialKey, intentKey, type PendingRequest, parsePendingRequest, rowOf } from "../pending/index.js";
import { checkAnswer } from "../pending/internal.js";
import type { Under } from "./access.js";
import type { AnswerOptions, RecordOptions } from "./contract.js";
import { type Row, text, textOr } from "./engine/engine.js";
import { entryOf } from "./rows.js";
import type { AnswerDraft } from "./rules/answer.js";
import type { Draft } from "./rules/record.js";
import type { Keyring } from "./seal/keyring.js";
import { answerPlace, entryPlace } from "./seal/place.js";

/** Checks and seals a request. What was built by hand is checked like what came over the wire. */
export async function draftRequest(keyring: Keyring, request: PendingRequest, options: RecordOptions): Promise<Draft> {
  const expiresAt = options.expiresAt === undefined ? undefined : momentOf(options.expiresAt, "expiresAt");
  const { secrets, ...open } = request;
  checkPrincipal(open.principal);
  const checked = parsePendingRequest(open, { secrets: secrets.reveal() });
  const kindRow = rowOf(checked.kind);
  const { kind, sessionId, requestId, endpoint, principal, receivedAt } = checked;
  const fixed = {
    id: randomUUID(),
    kind,
    principal,
    data: JSON.stringify(checked.data),
    intent: intentKey(checked),
    credential: credentialKey(checked),
    anchor: options.anchor,
    traceparent: options.traceparent === undefined ? undefined : traceparentOf(options.traceparent),
  };
  const place = entryPlace({
    ...fixed,
    session_id: sessionId,
    request_id: requestId,
    received_at: receivedAt,
    expires_at: expiresAt,
  });
  return {
    ...fixed,
    sessionId,
    requestId,
    endpoint,
    receivedAt,
    expiresAt,
    sealed: await keyring.seal(place, checked.secrets.reveal()),
    refused: kindRow.refused?.(checked.data) ?? false,
    survives: kindRow.survivesRuntime,
    epoch: options.epoch,
    by: options.by,
    proof: await keyring.proof(principal),
    attachment: (entryId, answerId) => keyring.mark("attachment", principal, [entryId, answerId]),
  };
}

/** Checks and seals an answer to an entry. */
export async function draftAnswer(
  keyring: Keyring,
  entry: Row,
  value: unknown,
  options: AnswerOptions,
  under: Under | undefined,
): Promise<AnswerDraft> {
  const expiresAt = options.expiresAt === undefined ? undefined : momentOf(options.expiresAt, "expiresAt");
  const request = entryOf(entry);
  const kindRow = rowOf(request.kind);
  const checked = checkAnswer(request, value, options.actor);
  const seconds = kindRow.servesFor?.(checked);
  const shared = kindRow.credential !== undefined && seconds !== 0 && under?.ticket === undefined;
  const id = randomUUID();
  const credential = text(entry.credential);
  const principal = textOr(entry.principal);
  const place = answerPlace({ id, credential, principal, shared: shared ? 1 : 0, account: options.account });
  return {
    id,
    entry,
    credential,
    sealed: await keyring.seal(place, checked),
    digests: keyring.digests(principal, checked),
    attachment: (entryId, answerId) => keyring.mark("attachment", principal, [entryId, answerId]),
    shared,
    servesMs: shared && seconds !== undefined ? Math.round(seconds * 1000) : undefined,
    expiresAt,
    by: options.by,
    actor: options.actor,
    account: options.account,
    fence: under?.fence,
    ticket: under?.ticket,
  };
}
