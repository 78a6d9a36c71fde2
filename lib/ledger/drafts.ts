import { randomUUID } from "node:crypto";
import { momentOf } from "../base/amounts.js";
import { credentialKey, intentKey, type PendingRequest, parsePendingRequest, rowOf } from "../pending/index.js";
import { checkAnswer } from "../pending/internal.js";
import type { AnswerOptions, Entry, RecordOptions } from "./contract.js";
import type { AnswerDraft } from "./rules/answer.js";
import type { Draft } from "./rules/record.js";
import type { Keyring } from "./seal/keyring.js";

/** Checks and seals a request. What was built by hand is checked like what came over the wire. */
export async function draftRequest(keyring: Keyring, request: PendingRequest, options: RecordOptions): Promise<Draft> {
  const expiresAt = options.expiresAt === undefined ? undefined : momentOf(options.expiresAt, "expiresAt");
  const { secrets, ...open } = request;
  const checked = parsePendingRequest(open, { secrets: secrets.reveal() });
  const row = rowOf(checked.kind);
  const id = randomUUID();
  return {
    id,
    kind: checked.kind,
    sessionId: checked.sessionId,
    requestId: checked.requestId,
    endpoint: checked.endpoint,
    principal: checked.principal,
    receivedAt: checked.receivedAt,
    data: JSON.stringify(checked.data),
    sealed: await keyring.seal(entryPlace(id), checked.secrets.reveal()),
    intent: intentKey(checked),
    credential: credentialKey(checked),
    refused: row.refused?.(checked.data) ?? false,
    survives: row.survivesRuntime,
    epoch: options.epoch,
    expiresAt,
    by: options.by,
  };
}

/** Checks and seals an answer to an entry. */
export async function draftAnswer(
  keyring: Keyring,
  entry: Entry,
  value: unknown,
  options: AnswerOptions & { fence: number | undefined },
): Promise<AnswerDraft> {
  const expiresAt = options.expiresAt === undefined ? undefined : momentOf(options.expiresAt, "expiresAt");
  const row = rowOf(entry.kind);
  const checked = checkAnswer(entry, value);
  const seconds = row.servesFor?.(checked);
  const shared = row.credential !== undefined && seconds !== 0;
  const id = randomUUID();
  return {
    id,
    entry: entry.id,
    credential: entry.credential,
    sealed: await keyring.seal(answerPlace(entry.credential, id), checked),
    digests: keyring.digests(checked),
    shared,
    servesMs: shared && seconds !== undefined ? Math.round(seconds * 1000) : undefined,
    expiresAt,
    by: options.by,
    account: options.account,
    fence: options.fence,
  };
}

/** Where a sealed value belongs: it opens nowhere else. */
export const entryPlace = (id: string): string => `entry/${id}`;
export const answerPlace = (credential: string, id: string): string => `answer/${credential}/${id}`;
export const stashPlace = (credential: string): string => `stash/${credential}`;
