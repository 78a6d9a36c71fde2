import { countOf } from "../base/amounts.js";
import { LatchkeyError } from "../base/errors.js";

/** Options of `Events.stream`. */
export interface StreamOptions {
  /** Ends the iteration with the signal's reason; what is unread is let go. */
  signal?: AbortSignal | undefined;
  /** How many events may wait unread: 1024 when left out, `Infinity` for no limit. */
  limit?: number | undefined;
}

/**
 * A bounded queue as an async iterator. It listens from the call on, not from the first `next()`.
 * Ends: `return()` or a quiet end -> done; a failure -> what is queued, then the error; abort -> the signal's reason at once.
 */
export function openStream<T>(
  { signal, limit = 1024 }: StreamOptions,
  start: (push: (value: T) => void, fail: (reason: Error | undefined) => void) => () => void,
): AsyncIterableIterator<T> {
  if (limit !== Number.POSITIVE_INFINITY) countOf(limit, "limit");
  const queue: T[] = [];
  const readers: { resolve: (result: IteratorResult<T>) => void; reject: (reason: unknown) => void }[] = [];
  let end: { failed: boolean; reason?: unknown } | undefined;
  let stop: (() => void) | undefined;

  const finish = (how: { failed: boolean; reason?: unknown }): void => {
    if (end) return;
    end = how;
    stop?.();
    signal?.removeEventListener("abort", aborted);
    const first = how.failed ? readers.shift() : undefined;
    first?.reject(how.reason);
    if (first) end = { failed: false };
    for (const reader of readers.splice(0)) reader.resolve({ done: true, value: undefined });
  };
  const aborted = (): void => {
    queue.length = 0;
    finish({ failed: true, reason: signal?.reason });
  };

  if (signal?.aborted) aborted();
  else {
    signal?.addEventListener("abort", aborted, { once: true });
    stop = start(
      (value) => {
        if (end) return;
        const reader = readers.shift();
        if (reader) reader.resolve({ done: false, value });
        else if (queue.length < limit) queue.push(value);
        else finish({ failed: true, reason: new LatchkeyError("OVERFLOW", `more than ${limit} events wait unread`) });
      },
      (reason) => finish(reason === undefined ? { failed: false } : { failed: true, reason }),
    );
    if (end) stop();
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const value = queue.shift();
      if (value !== undefined) return Promise.resolve({ done: false, value });
      if (!end) return new Promise((resolve, reject) => readers.push({ resolve, reject }));
      if (!end.failed) return Promise.resolve({ done: true, value: undefined });
      const { reason } = end;
      end = { failed: false };
      return Promise.reject(reason);
    },
    return() {
      queue.length = 0;
      finish({ failed: false });
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}
