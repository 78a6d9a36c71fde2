import { LedgerError } from "../base/errors.js";
import { pause } from "../base/until.js";
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

/** Work that ends once: when it is closed, or when its connection is gone. */
export function createEnd(gone: Promise<unknown>, finish: () => Promise<void>) {
  let end = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    end = resolve;
  });
  const closed = Promise.race([asked, gone]).then(finish);
  const close = (): Promise<void> => {
    end();
    return closed;
  };
  return { closed, close, [Symbol.asyncDispose]: close };
}
