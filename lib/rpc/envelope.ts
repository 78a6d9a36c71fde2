import * as v from "valibot";
import { check } from "../base/check.js";
import { ValidationError } from "../base/errors.js";
import { isRecord } from "../base/record.js";

const version = v.literal("2.0");
const id = v.union([v.string(), v.number()]);

const failure = v.object({
  jsonrpc: version,
  id: v.nullable(id),
  error: v.looseObject({ code: v.pipe(v.number(), v.integer()), message: v.string() }),
});
const success = v.object({ jsonrpc: version, id, result: v.unknown() });
const call = v.object({ jsonrpc: version, method: v.string(), params: v.exactOptional(v.looseObject({})) });
const request = v.object({ ...call.entries, id });
const cancellation = v.looseObject({ id });
const event = v.object({
  sessionId: v.string(),
  event: v.looseObject({ type: v.string(), id: v.exactOptional(v.string()) }),
});

/** An event of the runtime as it comes: its type may be one that the schemas do not know. */
export interface RawEvent {
  readonly type: string;
  readonly id?: string;
}

export type Inbound =
  | { kind: "event"; sessionId: string; event: RawEvent }
  | { kind: "notification"; method: string; params: unknown }
  /** The peer no longer wants the answer to a request of its own. */
  | { kind: "cancellation"; message: object; id: string | number }
  | { kind: "request" | "response"; message: object; id: string | number | null };

/**
 * Reads one JSON-RPC 2.0 message (section 4 and 5 of its specification).
 * Events and results, the hot ones, are looked at by hand; only when that fails does the schema say what was wrong.
 * @throws ValidationError
 */
export function readEnvelope(message: unknown): Inbound {
  if (!isRecord(message)) throw new ValidationError("message", [{ path: "", expected: "Object" }]);
  const { method, params } = message;
  if (method === "session.event" && message.jsonrpc === "2.0" && message.id === undefined && isRecord(params)) {
    const { sessionId, event } = params;
    if (typeof sessionId === "string" && isEvent(event)) return { kind: "event", sessionId, event };
  }
  if (method === undefined) {
    const { id: of, result, error } = message;
    if (message.jsonrpc === "2.0" && (typeof of === "number" || typeof of === "string"))
      if (result !== undefined && error === undefined) return { kind: "response", message, id: of };
    const schema = "error" in message ? failure : success;
    if ("error" in message && "result" in message) return check(v.never(), message, "response");
    return { kind: "response", message, id: check(schema, message, "response").id };
  }
  if (message.id !== undefined) return { kind: "request", message, id: check(request, message, "request").id };
  // What goes on is what came: a copy by a schema would lack some names.
  const { method: name } = check(call, message, "message");
  if (name === "session.event") return { kind: "event", ...check(event, params, "session.event") };
  if (name === "$/cancelRequest" && v.is(cancellation, params)) return { kind: "cancellation", message, id: params.id };
  return { kind: "notification", method: name, params };
}

function isEvent(value: unknown): value is RawEvent {
  return isRecord(value) && typeof value.type === "string" && (value.id === undefined || typeof value.id === "string");
}
