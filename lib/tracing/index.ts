/**
 * What latchkey does, as tracing channels of `node:diagnostics_channel`. Any tool that knows the channels' names gets the same; this entry adds the types.
 * `latchkey/otel` makes spans and metrics of it.
 */
import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import * as base from "../base/tracing.js";
import type { Outcome, State } from "../ledger/index.js";
import type { KindName } from "../pending/index.js";

export type { TracedEntry, TracedOAuth, TracedRequest, TraceError, TraceName, TraceResults } from "../base/tracing.js";

/** The message of a channel: what is known from the start on, then `result` or `error`. The same object in all events of one call. */
export type TraceMessage<N extends base.TraceName> = base.TraceMessage<N, KindName, State, Outcome>;

/** The channels of latchkey. `channels.record.start.name` is `tracing:latchkey:record:start`. */
export type TraceChannels = { readonly [N in base.TraceName]: TracingChannel<unknown, TraceMessage<N>> };

/**
 * The channels: `latchkey:request`, `latchkey:record`, `latchkey:claim`, `latchkey:answer`, `latchkey:deliver` and `latchkey:oauth`, as
 * `tracingChannel` of `node:diagnostics_channel` gives them. Use them for `bindStore`.
 */
export const channels: TraceChannels = {
  request: channel("request"),
  record: channel("record"),
  claim: channel("claim"),
  answer: channel("answer"),
  deliver: channel("deliver"),
  oauth: channel("oauth"),
};

function channel<N extends base.TraceName>(name: N): TracingChannel<unknown, TraceMessage<N>> {
  return tracingChannel(base.channelName(name));
}

/** What to call when: all of them are optional. */
export type TraceHandlers<N extends base.TraceName> = {
  /** `start`, `end`, `error`, `asyncStart` and `asyncEnd`, as `node:diagnostics_channel` has them. The last is `asyncEnd`. */
  readonly [E in "start" | "end" | "error" | "asyncStart" | "asyncEnd"]?: (message: TraceMessage<N>) => void;
};

/** Ends a subscription: call it, or let `using` do so. */
export interface Unsubscribe {
  /** Ends the subscription. */
  (): void;
  /** `using` ends the subscription. */
  [Symbol.dispose](): void;
}

/**
 * Listens to one channel. What a handler throws is an uncaught exception of the process, as with every diagnostics channel.
 * @example
 * ```ts
 * import { subscribe } from "latchkey/tracing";
 *
 * const off = subscribe("deliver", {
 *   asyncEnd: ({ id, kind, result, error }) => console.log(id, kind, result?.outcome ?? error?.code),
 * });
 * off();
 * ```
 */
export function subscribe<N extends base.TraceName>(name: N, handlers: TraceHandlers<N>): Unsubscribe {
  const offs = events.map((event) => {
    const handler = handlers[event];
    if (handler === undefined) return () => undefined;
    const { [event]: one } = base.channels[name];
    // On channels of latchkey only latchkey publishes.
    const listener = (message: unknown): void => handler(message as TraceMessage<N>);
    one.subscribe(listener);
    return () => one.unsubscribe(listener);
  });
  const off = (): void => {
    for (const each of offs) each();
  };
  return Object.assign(off, { [Symbol.dispose]: off });
}

const events = ["start", "end", "error", "asyncStart", "asyncEnd"] as const;
