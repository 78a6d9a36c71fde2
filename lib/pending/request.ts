import * as v from "valibot";
import { check } from "../base/check.js";
import { ValidationError } from "../base/errors.js";
import { checkPrincipal } from "../base/principal.js";
import { isRecord } from "../base/record.js";
import type { EventMap, EventType } from "../protocol/index.js";
import { type DataOf, isKind, type KindName, kindNames, rowOf, type SecretsOf } from "./kinds/table.js";
import { Secrets } from "./secrets.js";
import { merge, rest } from "./split.js";

/** A question of the runtime, written down: plain JSON but for `secrets`. */
export type PendingRequest<K extends KindName = KindName> = {
  [P in K]: {
    /** The version of this form. */
    v: 1;
    /** The event that asked. */
    kind: P;
    /** The session that asked. */
    sessionId: string;
    /** The runtime's id of the request; good for this load of the session unless its kind says otherwise. */
    requestId: string;
    /** Where the runtime listened when it asked; a hint, it changes when the runtime is started again. */
    endpoint?: string;
    /** On whose behalf an answer is obtained. Without one nothing is shared between sessions. */
    principal?: string;
    /** When it was written down, in ISO 8601. */
    receivedAt: string;
    /** The event's data without its secrets. */
    data: DataOf<P>;
    /** What of the data is secret. Left out when the request is printed or stringified. */
    secrets: Secrets<SecretsOf<P>>;
  };
}[K];

/** What an event does not say of itself. */
export interface RequestContext {
  /** The session that the event came from. */
  sessionId: string;
  /** The runtime's endpoint, as a hint. */
  endpoint?: string | undefined;
  /** On whose behalf an answer is obtained. Nothing is shared between sessions when left out. */
  principal?: string | undefined;
}

type AskingEvent = { readonly type: string; readonly data: unknown };
type KindOf<E extends AskingEvent> = Extract<E["type"], KindName>;

/**
 * Whether an event is a question that waits for an answer.
 * @example
 * ```ts
 * import { isPending, pendingRequest } from "latchkey/pending";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * rpc.events.on("*", ({ sessionId, event }) => {
 *   if (isPending(event)) console.log(pendingRequest(event, { sessionId }).kind);
 * });
 * ```
 */
export function isPending<E extends AskingEvent>(event: E): event is E & EventMap[KindName & EventType] {
  return isKind(event.type);
}

/**
 * Writes an event down as a pending request.
 * @throws TypeError when the event asks nothing, ValidationError when its data lacks what its kind needs.
 * @example
 * ```ts
 * import { pendingRequest } from "latchkey/pending";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * rpc.events.on("permission.requested", ({ sessionId, event }) => {
 *   const request = pendingRequest(event, { sessionId, principal: "ada" });
 *   console.log(JSON.stringify(request)); // no secret in it: keep it where you like
 * });
 * ```
 */
export function pendingRequest<E extends AskingEvent>(
  event: E,
  context: RequestContext,
): PendingRequest<[KindOf<E>] extends [never] ? KindName : KindOf<E>>;
export function pendingRequest(event: AskingEvent, context: RequestContext): object {
  if (!isKind(event.type)) throw new TypeError(`"${event.type}" is not the event of a pending request`);
  if (typeof context?.sessionId !== "string") throw new TypeError('"sessionId" must be a string');
  checkPrincipal(context.principal);
  if (!isRecord(event.data)) throw new ValidationError(event.type, [{ path: "", expected: "Object" }]);
  const row = rowOf(event.type);
  const whole = row.tidy?.(event.data) ?? event.data;
  const data = check(row.open, whole, event.type);
  const secrets = rest(whole, data);
  check(row.secrets, secrets, event.type);
  return {
    v: 1,
    kind: event.type,
    sessionId: context.sessionId,
    requestId: check(v.string(), data.requestId, event.type),
    ...(context.endpoint === undefined ? {} : { endpoint: context.endpoint }),
    ...(context.principal === undefined ? {} : { principal: context.principal }),
    receivedAt: new Date().toISOString(),
    data,
    secrets: new Secrets(secrets),
  };
}

const envelope = v.object({
  v: v.literal(1),
  kind: v.picklist(kindNames),
  sessionId: v.string(),
  requestId: v.string(),
  endpoint: v.exactOptional(v.string()),
  // Here it is part of what was stored: `checkPrincipal` is for callers.
  principal: v.exactOptional(v.pipe(v.string(), v.regex(/\S/))),
  receivedAt: v.pipe(v.string(), v.isoTimestamp()),
  data: v.record(v.string(), v.unknown()),
});

/**
 * Reads a stored pending request back. `json` is text or what `JSON.parse` made of it; `secrets` is what `reveal()` gave,
 * where the host kept it.
 * @throws ValidationError when it is not one, or one of a version that this latchkey does not know.
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { parsePendingRequest } from "latchkey/pending";
 *
 * const request = parsePendingRequest(await readFile("request.json", "utf8"));
 * if (request.kind === "user_input.requested") console.log(request.data.question);
 * ```
 */
export function parsePendingRequest(json: unknown, options?: { secrets?: object | undefined }): PendingRequest;
export function parsePendingRequest(json: unknown, options: { secrets?: object | undefined } = {}): object {
  const value = typeof json === "string" ? parse(json) : json;
  const stored = check(envelope, value, "pending request");
  const row = rowOf(stored.kind);
  const whole = row.tidy?.(stored.data) ?? stored.data;
  const data = check(row.open, whole, stored.kind);
  // What an earlier latchkey showed and this one does not is a secret now, and not lost.
  const secrets = merge(rest(whole, data), options.secrets ?? {});
  check(row.secrets, secrets, stored.kind);
  return { ...stored, data, secrets: new Secrets(secrets) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The event's data as it came: what may be seen and the secrets in one object. */
export function wholeData<K extends KindName>(request: PendingRequest<K>): DataOf<K> & SecretsOf<K>;
export function wholeData(request: PendingRequest): Record<string, unknown> {
  return merge(request.data, request.secrets.reveal());
}

/** What is asked, in a few words. The words are a stranger's and may hold hidden characters and line ends: escape them where they are shown. */
export function summaryOf({ kind, data }: { kind: KindName; data: object }): string {
  const words = rowOf(kind).summary({ ...data });
  return words.filter((word) => typeof word === "string" && word !== "").join(" ");
}
