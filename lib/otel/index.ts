/**
 * From latchkey's tracing channels to OpenTelemetry: spans and metrics, over `@opentelemetry/api` alone. Which SDK is behind it, and where it sends
 * things, is the program's affair.
 */
import { type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import type { Ledger } from "../ledger/index.js";
import type { TraceMessage } from "../tracing/index.js";
import { measure } from "./metrics.js";
import { traceSpans } from "./spans.js";

export { contextOf, type TraceHeaders, traceHeaders } from "./context.js";

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** Makes the spans. The global one when left out. */
  tracerProvider?: TracerProvider | undefined;
  /** Makes the metrics. The global one when left out. */
  meterProvider?: MeterProvider | undefined;
  /** For the metrics of what is open: looked into whenever metrics are collected. Without one these are left out. */
  ledger?: Pick<Ledger, "list"> | undefined;
  /** Which calls of the runtime get a span. All of them when left out: long polls of the event log too. */
  requests?: ((call: { readonly method: string; readonly sessionId?: string }) => boolean) | undefined;
}

/** The bridge at work. */
export interface Instrumentation {
  /** Listens no more. Spans that are open are not ended. */
  end(): void;
  /** `using` ends it. */
  [Symbol.dispose](): void;
}

/**
 * Makes spans and metrics of what this process does with latchkey, until it is ended. Call it once, after the SDK was registered.
 * @example
 * ```ts
 * import { openLedger } from "latchkey/ledger";
 * import { instrument } from "latchkey/otel";
 *
 * await using ledger = await openLedger("latchkey.db");
 * using _ = instrument({ ledger, requests: ({ method }) => !method.startsWith("session.eventLog.") });
 * ```
 */
export function instrument(options: InstrumentOptions = {}): Instrumentation {
  const { tracerProvider = trace, meterProvider = metrics, ledger, requests = () => true } = options;
  const wanted = ({ method, sessionId }: TraceMessage<"request">): boolean =>
    requests({ method, ...(sessionId !== undefined && { sessionId }) });
  const offs = [
    traceSpans({ tracer: tracerProvider.getTracer("latchkey"), requests: wanted }),
    measure(meterProvider.getMeter("latchkey"), ledger),
  ];
  const end = (): void => {
    for (const off of offs.splice(0)) off();
  };
  return { end, [Symbol.dispose]: end };
}
