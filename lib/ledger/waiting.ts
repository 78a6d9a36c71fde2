import { type Changes, longestWaitMs } from "./changes.js";

/** What came of a try: it is done, or somebody is in the way and `leftMs` tells for how long, where that is known. */
export type Attempt<T> = { readonly done: T } | { readonly leftMs: () => Promise<number | undefined> };

/** Tries at once, and again after each change and each end of a lease in the way, until the time is over. Nothing then. */
export async function whenFree<T>(
  changes: Changes,
  { waitMs, signal }: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
  attempt: () => Promise<Attempt<T>>,
): Promise<T | undefined> {
  const deadline = performance.now() + waitMs;
  const stop = waitMs > 0 ? changes.use() : undefined;
  try {
    for (;;) {
      const seen = changes.count;
      const tried = await attempt();
      if (!("leftMs" in tried)) return tried.done;
      const restMs = deadline - performance.now();
      if (restMs <= 0) return undefined;
      const leftMs = (await tried.leftMs()) ?? longestWaitMs;
      await changes.after(seen, Math.min(restMs, Math.max(leftMs, 1), longestWaitMs), signal);
    }
  } finally {
    stop?.();
  }
}
