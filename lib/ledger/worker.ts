import { LedgerError } from "../errors.js";
import type { Rpc } from "../rpc/index.js";

/** What a recorder and a deliverer need of an `Rpc`. */
export type LedgerRpc = Pick<Rpc, "endpoint" | "events" | "session" | "closed">;

/** Runs jobs of one name one after the other, jobs of different names side by side. */
export class Lanes {
  readonly #lanes = new Map<string, Promise<void>>();

  /** `job` must not reject. */
  add(name: string, job: () => Promise<void>): void {
    const run = (this.#lanes.get(name) ?? Promise.resolve()).then(job);
    this.#lanes.set(name, run);
    const forget = (): void => {
      if (this.#lanes.get(name) === run) this.#lanes.delete(name);
    };
    run.then(forget, forget);
  }

  /** Resolves when nothing is left to do. */
  async idle(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all(this.#lanes.values());
  }
}

/** Does it again while the store cannot be reached: what was asked must not be forgotten because of that. */
export async function persist<T>(
  signal: AbortSignal,
  run: () => Promise<T>,
  complain: (error: unknown) => void,
): Promise<T> {
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== "UNAVAILABLE" || signal.aborted) throw error;
      complain(error);
      await pause(pauseMs, signal);
    }
  }
}

/** Rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
