import { type Context, context, isSpanContextValid, type SpanContext, trace } from "@opentelemetry/api";
import { isTraceparent } from "../base/trace.js";
import type { Entry } from "../ledger/index.js";

/** The span of another process that a `traceparent` names. */
export function remoteSpan(traceparent: string | undefined): SpanContext | undefined {
  if (!isTraceparent(traceparent)) return undefined;
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/**
 * The context in which an entry was asked: spans that are started in it belong to the trace of what asked. `base` itself where the entry has no
 * `traceparent`.
 * @example
 * ```ts
 * import { context } from "@opentelemetry/api";
 * import type { Claim } from "latchkey/ledger";
 * import { contextOf } from "latchkey/otel";
 *
 * export const inItsTrace = <T>(claim: Claim, work: () => Promise<T>): Promise<T> => context.with(contextOf(claim.entry), work);
 * ```
 */
export function contextOf(entry: Pick<Entry, "traceparent">, base: Context = context.active()): Context {
  const remote = remoteSpan(entry.traceparent);
  return remote === undefined ? base : trace.setSpanContext(base, remote);
}

/** The headers of W3C Trace Context, as `session.send` and `RecordOptions` take them. */
export interface TraceHeaders {
  /** Version, trace, span and flags. */
  traceparent?: string;
  /** What vendors add. */
  tracestate?: string;
}

/**
 * The headers that name the active span, or that of another context; none where there is none.
 * @example
 * ```ts
 * import { traceHeaders } from "latchkey/otel";
 * import type { Session } from "latchkey/rpc";
 *
 * export const send = (session: Session, prompt: string) => session.request("send", { prompt, ...traceHeaders() });
 * ```
 */
export function traceHeaders(from: Context = context.active()): TraceHeaders {
  const span = trace.getSpanContext(from);
  if (span === undefined || !isSpanContextValid(span)) return {};
  const flags = span.traceFlags.toString(16).padStart(2, "0");
  const tracestate = span.traceState?.serialize();
  return { traceparent: `00-${span.traceId}-${span.spanId}-${flags}`, ...(tracestate && { tracestate }) };
}
