import mitt from "mitt";
import { type UntilOptions, until } from "../base/until.js";
import type { EventMap } from "../protocol/index.js";
import { openStream, type StreamOptions } from "./stream.js";

/** Ends a subscription: call it, or let `using` do so. Twice is harmless. */
export interface Off {
  /** Ends the subscription. */
  (): void;
  /** `using` ends the subscription. */
  [Symbol.dispose](): void;
}

/** A listener threw, or its promise rejected. Neither other listeners nor the transport noticed. */
export interface ListenerError {
  /** What it threw. */
  readonly error: unknown;
  /** What the listener was registered for. */
  readonly type: string;
}

type Own = { "listener:error": ListenerError };
type Payload<M extends object, T, Every extends keyof M> = T extends "*"
  ? M[Every]
  : T extends keyof M
    ? M[T]
    : T extends keyof Own
      ? Own[T]
      : never;
type Name<M extends object> = (keyof M & string) | keyof Own;

/** Options of `Events.wait`. */
export interface WaitOptions<P> extends UntilOptions {
  /** Which events count; the first of the type when left out. What it throws rejects the wait. */
  where?: ((event: P) => boolean) | undefined;
}

/**
 * Events by type; `"*"` stands for every type, those that this latchkey does not know included.
 * Handlers run in the order in which they were registered, those of the type before those of `"*"`, while the frame
 * is being read: no promise and no timer lies between.
 */
export interface Events<M extends object = EventMap, Every extends keyof M = keyof M> {
  /** Calls `handler` for every event of this type until `Off` is called. What it throws goes to `listener:error` and nowhere else. */
  on<T extends Name<M> | "*">(type: T, handler: (event: Payload<M, T, Every>) => unknown): Off;
  /** Calls `handler` for the next event of this type only. */
  once<T extends Name<M> | "*">(type: T, handler: (event: Payload<M, T, Every>) => unknown): Off;
  /** The next event of this type that `where` accepts. Rejects when the signal, the time or the connection ends first. */
  wait<T extends Name<M> | "*">(type: T, options?: WaitOptions<Payload<M, T, Every>>): Promise<Payload<M, T, Every>>;
  /**
   * Events from now on, read at the reader's own pace. At most `limit` (1024) wait unread; one more and the iteration ends with
   * the code `OVERFLOW`, after what was read in time.
   */
  stream<T extends Name<M> | "*">(type: T, options?: StreamOptions): AsyncIterableIterator<Payload<M, T, Every>>;
}

/** The writing end, for whoever owns the source. */
export interface EventSource<M extends object = EventMap, Every extends keyof M = keyof M> extends Events<M, Every> {
  /** Delivers to the listeners of `type`, and to those of `"*"` unless `every` is false. */
  emit<T extends Every & string>(type: T, event: M[T]): void;
  /** Delivers to the listeners of `type` alone. */
  emit<T extends keyof M & string>(type: T, event: M[T], options: { every: false }): void;
  /** Whether anybody listens to `type`, if only as part of `"*"`. */
  hears(type: string): boolean;
  /** No event will come any more: waits reject with `reason`, streams end with it, or quietly when there is none. */
  end(reason: Error, options?: { quietly?: boolean }): void;
}

// mitt's own "*" is not used: it would see listener:error too. Symbols, so that no type of the peer's reaches these two.
const every = Symbol("every");
const failed = Symbol("listener:error");
const slot = (type: string) => (type === "*" ? every : type === "listener:error" ? failed : type);

type Handler = (event: unknown) => void;
type Listeners = ReadonlyMap<string | symbol, readonly Handler[]>;

/**
 * One handler is called without the copy of the list that mitt would make. A function of its own: with thousands of sessions
 * on a connection each object that an event touches is one that has left the processor's cache.
 */
function deliver(listeners: Listeners, type: string | symbol, event: unknown): void {
  const handlers = listeners.get(type);
  if (handlers === undefined) return;
  if (handlers.length > 1) for (const handler of [...handlers]) handler(event);
  else handlers[0]?.(event);
}

/**
 * Makes a source of events: its owner emits, everybody else gets it as `Events`. With a map of types every call is checked against it.
 * @example
 * ```ts
 * import { createEvents } from "latchkey/events";
 *
 * const source = createEvents<{ opened: { path: string }; closed: { path: string } }>();
 * const off = source.on("opened", ({ path }) => console.log(path));
 * source.emit("opened", { path: "notes.md" });
 * off();
 * ```
 */
export function createEvents<M extends object = EventMap, Every extends keyof M = keyof M>(): EventSource<M, Every> {
  const bus = mitt<Record<string | symbol, unknown>>();
  const listeners = bus.all as Listeners;
  const enders = new Set<(reason: Error, quietly: boolean) => void>();
  let ended: { reason: Error; quietly: boolean } | undefined;

  function report(error: unknown, type: string): void {
    if (type !== "listener:error") deliver(listeners, failed, { error, type } satisfies ListenerError);
  }

  function subscribe(type: string, handler: (event: never) => unknown): Off {
    let live = true;
    const guarded = (event: unknown): void => {
      if (!live) return;
      try {
        const returned = (handler as (event: unknown) => unknown)(event);
        if (returned instanceof Promise) returned.catch((error: unknown) => report(error, type));
      } catch (error) {
        report(error, type);
      }
    };
    bus.on(slot(type), guarded);
    const off = (): void => {
      if (!live) return;
      live = false;
      bus.off(slot(type), guarded);
    };
    return Object.assign(off, { [Symbol.dispose]: off });
  }

  /** Registers what must be told when the source ends, or tells it at once. */
  function onEnd(ender: (reason: Error, quietly: boolean) => void): () => void {
    if (ended) {
      ender(ended.reason, ended.quietly);
      return () => undefined;
    }
    enders.add(ender);
    return () => enders.delete(ender);
  }

  return {
    on: (type, handler) => subscribe(type, handler),
    once(type, handler) {
      const off = subscribe(type, (event) => {
        off();
        return handler(event);
      });
      return off;
    },
    wait: (type, options = {}) =>
      until(options, (resolve, reject) => {
        const off = subscribe(type, (event) => {
          try {
            if (options.where === undefined || options.where(event)) resolve(event);
          } catch (error) {
            reject(error);
          }
        });
        const forget = onEnd(reject);
        return () => {
          off();
          forget();
        };
      }),
    stream: (type, options = {}) =>
      openStream(options, (push, fail) => {
        const off = subscribe(type, push);
        const forget = onEnd((reason, quietly) => fail(quietly ? undefined : reason));
        return () => {
          off();
          forget();
        };
      }),
    emit(type: string, event: unknown, options?: { every: false }) {
      deliver(listeners, type, event);
      if (options?.every !== false) deliver(listeners, every, event);
    },
    hears: (type) => Boolean(listeners.get(type)?.length || listeners.get(every)?.length),
    end(reason, options = {}) {
      if (ended) return;
      ended = { reason, quietly: options.quietly ?? false };
      for (const ender of [...enders]) ender(reason, ended.quietly);
      enders.clear();
      bus.all.clear();
    },
  };
}
