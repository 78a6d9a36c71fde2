import { pause } from "../base/until.js";
import { outlook } from "../ledger/internal.js";

export interface PersistOptions {
  readonly signal: AbortSignal;
  /** Called with the error each time that it failed and is tried again. */
  readonly complain: (error: unknown) => void;
  /** How long the store may be away. */
  readonly patienceMs?: number | undefined;
}

/** How long somebody has to mend a database that refuses. */
const mendMs = 60_000;
/** The pause before the first retry. It doubles with each one up to `longestPauseMs`. */
const firstPauseMs = 50;
const longestPauseMs = 2000;

/**
 * Runs a task again while the store cannot take it. Rejects with the store's error when the time for it is over, when the error does
 * not pass, or when the signal aborts. A long task calls `well` when the store works again: the time starts anew then.
 */
export async function persist<T>(
  run: (well: () => void) => Promise<T>,
  { signal, complain, patienceMs = Number.POSITIVE_INFINITY }: PersistOptions,
): Promise<T> {
  const limits = { passes: patienceMs, mendable: mendMs };
  let trouble: { outlook: keyof typeof limits; since: number } | undefined;
  let pauseMs = firstPauseMs;
  const well = (): void => {
    trouble = undefined;
    pauseMs = firstPauseMs;
  };
  for (;;) {
    try {
      return await run(well);
    } catch (error) {
      const found = outlook(error);
      if (signal.aborted || (found !== "passes" && found !== "mendable")) throw error;
      if (trouble?.outlook !== found) trouble = { outlook: found, since: performance.now() };
      if (performance.now() - trouble.since >= limits[found]) throw error;
      complain(error);
      await pause(pauseMs, signal).catch(() => {
        throw error;
      });
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
}

/** Whether the store will take nothing more, once `persist` has given up. */
export const isHopeless = (error: unknown): boolean => !["values", undefined].includes(outlook(error));
