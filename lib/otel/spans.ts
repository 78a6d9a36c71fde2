/**
 * A span for each call that a channel tells. Its parent is
 *
 *   the latchkey span around it (a request inside of a delivery), else
 *   the span that the entry's `traceparent` names: that of what asked, mostly in another process, else
 *   the active span.
 *
 * What would have been the parent otherwise is a link.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { channelName } from "../base/tracing.js";
import { subscribe, type TraceMessage, type TraceName } from "../tracing/index.js";
import {
  callAttributes,
  errorType,
  type Operation,
  oauthAttributes,
  operationAttributes,
  operations,
  requestAttributes,
} from "./attributes.js";
import { remoteSpan } from "./context.js";

export interface SpanSettings {
  readonly tracer: Tracer;
  /** Which calls of the runtime get a span. */
  readonly requests: (message: TraceMessage<"request">) => boolean;
}

/** What a span says. */
interface Told {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly traceparent?: string | undefined;
}
type Tell<T> = { readonly [N in TraceName]: (message: TraceMessage<N>) => T };

const operation =
  (name: Exclude<Operation, "claim">) =>
  (message: TraceMessage<typeof name>): Told => ({
    name: `${name} ${message.kind}`,
    kind: operations[name].kind,
    attributes: { ...operationAttributes(name, message.kind), ...requestAttributes(message) },
    traceparent: message.traceparent,
  });

/** At the start. Of a claim nobody knows yet whether it finds something. */
const atStart: Tell<Told | undefined> = {
  request: (message) => ({ name: message.method, kind: SpanKind.CLIENT, attributes: callAttributes(message) }),
  record: operation("record"),
  claim: () => undefined,
  answer: operation("answer"),
  deliver: operation("deliver"),
  oauth: (message) => ({
    name: `oauth ${message.step}`,
    kind: SpanKind.INTERNAL,
    attributes: oauthAttributes(message),
  }),
};

/** At the end, where there was nothing to say at the start. */
const late = ({ result, error }: TraceMessage<"claim">): Told | undefined =>
  result === undefined && error === undefined
    ? undefined
    : {
        name: result === undefined ? "claim" : `claim ${result.kind}`,
        kind: operations.claim.kind,
        attributes: { ...operationAttributes("claim", result?.kind), ...(result && requestAttributes(result)) },
        traceparent: result?.traceparent,
      };

/** What is added at the end. */
const atEnd: Tell<Attributes> = {
  request: () => ({}),
  record: ({ result }) => (result === undefined ? {} : { "messaging.message.id": result.id }),
  claim: ({ result }) =>
    result === undefined ? {} : { "messaging.batch.message_count": result.entries, "latchkey.fence": result.fence },
  answer: ({ fence, result }) => ({
    ...(fence !== undefined && { "latchkey.fence": fence }),
    ...(result && { "latchkey.waited_ms": result.waitedMs }),
  }),
  deliver: ({ fence, result }) => ({
    "latchkey.fence": fence,
    ...(result?.outcome !== undefined && { "latchkey.outcome": result.outcome }),
  }),
  oauth: ({ result }) => ({
    ...(result?.how !== undefined && { "latchkey.oauth.how": result.how }),
    ...(result?.why !== undefined && { "latchkey.oauth.why": result.why }),
  }),
};

interface Begun {
  readonly span: Span | undefined;
  readonly startTime: number;
  /** The latchkey span around it. */
  readonly around: Context | undefined;
}

/** Makes spans until the function that it returns is called. */
export function traceSpans({ tracer, requests }: SpanSettings): () => void {
  const inside = new AsyncLocalStorage<Context | undefined>();
  const begun = new WeakMap<object, Begun>();

  function start({ name, kind, attributes, traceparent }: Told, around: Context | undefined, startTime?: number): Span {
    const active = context.active();
    const remote = remoteSpan(traceparent);
    const parent = around ?? (remote === undefined ? active : trace.setSpanContext(active, remote));
    const passedOver = around === undefined ? remote && trace.getSpanContext(active) : remote;
    const links = passedOver === undefined ? [] : [{ context: passedOver }];
    return tracer.startSpan(name, { kind, attributes, links, ...(startTime !== undefined && { startTime }) }, parent);
  }

  function begin<N extends TraceName>(name: N, message: TraceMessage<N>): Context | undefined {
    const around = inside.getStore();
    const told = atStart[name](message);
    const span = told && start(told, around);
    begun.set(message, { span, around, startTime: performance.timeOrigin + performance.now() });
    return span === undefined ? around : trace.setSpan(around ?? context.active(), span);
  }

  function end<N extends TraceName>(name: N, message: TraceMessage<N>, told?: Told): void {
    const found = begun.get(message);
    const span = found?.span ?? (found && told && start(told, found.around, found.startTime));
    begun.delete(message);
    if (span === undefined) return;
    span.setAttributes(atEnd[name](message));
    const failed = errorType(message);
    if (failed !== undefined) {
      span.setAttribute("error.type", failed);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  function listen<N extends TraceName>(name: N, wanted: (message: TraceMessage<N>) => boolean = () => true) {
    const { start: first } = tracingChannel<Context | undefined, TraceMessage<N>>(channelName(name));
    first.bindStore(inside, (message) => (wanted(message) ? begin(name, message) : inside.getStore()));
    return () => first.unbindStore(inside);
  }
  const offs = [
    listen("request", requests),
    ...[listen("record"), listen("claim"), listen("answer"), listen("deliver"), listen("oauth")],
    subscribe("request", { asyncEnd: (message) => end("request", message) }),
    subscribe("record", { asyncEnd: (message) => end("record", message) }),
    subscribe("claim", { asyncEnd: (message) => end("claim", message, late(message)) }),
    subscribe("answer", { asyncEnd: (message) => end("answer", message) }),
    subscribe("deliver", { asyncEnd: (message) => end("deliver", message) }),
    subscribe("oauth", { asyncEnd: (message) => end("oauth", message) }),
  ];
  return () => {
    for (const off of offs) off();
  };
}
