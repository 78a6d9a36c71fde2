import { startTimer, waitOf } from "./amounts.js";

/** How long to wait for something. */
export interface UntilOptions {
  /** Ends the wait: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds; no limit when left out or `Infinity`. Anything that is no length of time is a `TypeError`. */
  timeoutMs?: number | undefined;
}

/**
 * A promise that settles once: by `start`, by the signal's reason, or by a `TimeoutError`. What `start` returns undoes it.
 * The timer lives only while the promise is pending.
 */
export function until<T>(
  { signal, timeoutMs }: UntilOptions,
  start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const limitMs = timeoutMs === undefined ? undefined : waitOf(timeoutMs, "timeoutMs");
    let stop: (() => void) | undefined;
    let stopTimer: (() => void) | undefined;
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      stopTimer?.();
      signal?.removeEventListener("abort", aborted);
      stop?.();
      act();
    };
    const aborted = (): void => settle(() => reject(signal?.reason));
    signal?.addEventListener("abort", aborted, { once: true });
    if (limitMs !== undefined)
      stopTimer = startTimer(limitMs, () =>
        settle(() => reject(new DOMException(`nothing came within ${limitMs} ms`, "TimeoutError"))),
      );
    stop = start(
      (value) => settle(() => resolve(value)),
      (reason) => settle(() => reject(reason)),
    );
    if (settled) stop();
  });
}

/** Resolves after so many milliseconds; rejects with the signal's reason when that comes first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return until<void>({ signal }, (resolve) => {
    const timer = setTimeout(resolve, ms);
    return () => clearTimeout(timer);
  });
}
