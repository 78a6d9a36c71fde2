/**
 * An answer is checked when it comes in, and once more before it goes to the wire. In between its type says that it was: `checkAnswer` makes
 * a `Checked` answer, and `sendAnswer` takes no other.
 */
import { check } from "../base/check.js";
import { ValidationError } from "../base/errors.js";
import { isRecord } from "../base/record.js";
import type { RequestOptions, SessionRequester } from "../protocol/index.js";
import { type Actor, actors } from "./kinds/kind.js";
import { type AnswerOf, isKind, type KindName, rowOf } from "./kinds/table.js";

declare const wasChecked: unique symbol;
/** A value that was checked against its schema. For the compiler only: at run time it is the value alone. */
export type Checked<Value> = Value & { readonly [wasChecked]: true };

/** What answering needs of an `Rpc`. */
export interface Answerer {
  /** The session with this id. */
  session(sessionId: string): SessionRequester;
}

/** What answering needs of a request. With its data, an answer is held to what this request takes, too. */
export interface Answerable<K extends KindName = KindName> {
  /** Its kind. */
  kind: K;
  /** The session that asked. */
  sessionId: string;
  /** The runtime's id of the request. */
  requestId: string;
  /** The event's data, where it is there: then what the request itself takes is checked too. */
  data?: unknown;
}

/**
 * Checks an answer: its kind takes it, and so does this request, where its data is there to tell.
 * @throws ValidationError
 */
export function checkAnswer<K extends KindName>(
  request: { kind: K; data?: unknown },
  answer: unknown,
  actor?: Actor,
): Checked<AnswerOf<K>>;
export function checkAnswer(request: { kind: KindName; data?: unknown }, answer: unknown, actor?: Actor): unknown {
  const row = rowOf(request.kind);
  const subject = `answer to ${request.kind}`;
  const checked = check(row.answer, answer, subject);
  const expected = isRecord(request.data) ? row.unfit?.(request.data, checked) : undefined;
  if (expected !== undefined) throw new ValidationError(subject, [{ path: "kind", expected }]);
  if (actor === undefined) return checked;
  if (!actors.includes(actor)) throw new TypeError('"actor" must be "person" or "automation"');
  return row.attributed?.(checked, actor) ?? checked;
}

/** Sends a checked answer. */
export async function sendAnswer(
  rpc: Answerer,
  { kind, sessionId, requestId }: Answerable,
  answer: Checked<AnswerOf<KindName>>,
  options?: RequestOptions,
): Promise<{ accepted: boolean }> {
  const { success } = await rowOf(kind).send(rpc.session(sessionId), requestId, answer, options);
  return { accepted: success };
}

/** Options of `handlePendingRequest`. */
export interface HandleOptions extends RequestOptions {
  /** Whether a person decided this, or a program did. The runtime is told where its protocol has a place for it. */
  actor?: Actor | undefined;
}

/**
 * Answers a pending request, from any connection to the runtime that holds the session.
 * `accepted: false` means that the runtime does not wait for it: answered before, superseded, or gone.
 * @throws ValidationError before anything is sent: the runtime would take a malformed answer and break the call.
 * TypeError for what is no kind; RpcError and ConnectionError as by any call.
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { handlePendingRequest, parsePendingRequest } from "latchkey/pending";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * const request = parsePendingRequest(await readFile("request.json", "utf8"));
 * if (request.kind === "permission.requested") {
 *   const { accepted } = await handlePendingRequest(rpc, request, { kind: "approve-once" }, { actor: "person" });
 *   if (!accepted) console.log("nobody waits for it any more");
 * }
 * ```
 */
export async function handlePendingRequest<K extends KindName>(
  rpc: Answerer,
  request: Answerable<K>,
  answer: AnswerOf<NoInfer<K>>,
  options?: HandleOptions,
): Promise<{ accepted: boolean }>;
export async function handlePendingRequest(
  rpc: Answerer,
  request: Answerable,
  answer: unknown,
  options?: HandleOptions,
): Promise<{ accepted: boolean }> {
  if (!isKind(request.kind)) throw new TypeError(`"${request.kind}" is not a pending kind`);
  return await sendAnswer(rpc, request, checkAnswer(request, answer, options?.actor), options);
}
