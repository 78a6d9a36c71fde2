export interface UntilOptions {
  signal?: AbortSignal | undefined;
  /** Milliseconds; no limit when left out. */
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
    let stop: (() => void) | undefined;
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      stop?.();
      act();
    };
    const aborted = (): void => settle(() => reject(signal?.reason));
    signal?.addEventListener("abort", aborted, { once: true });
    // A longer timer would fire at once.
    if (timeoutMs !== undefined && timeoutMs < 2 ** 31)
      timer = setTimeout(
        () => settle(() => reject(new DOMException(`nothing came within ${timeoutMs} ms`, "TimeoutError"))),
        timeoutMs,
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
