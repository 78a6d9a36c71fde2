import { pause } from "../base/until.js";
import { outlook } from "../ledger/internal.js";
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

export interface PersistOptions {
  readonly signal: AbortSignal;
  /** Told each time that it failed and is tried again. */
  readonly complain: (error: unknown) => void;
  /** How long the store may be away. */
  readonly patienceMs?: number | undefined;
}

/** How long somebody has to mend a database that refuses. */
const mendMs = 60_000;

/**
 * Does it again while the store cannot take it: what was asked must not be forgotten because of that. Rejects with the store's
 * error when the time for it is over, when it does not pass, or when the signal aborts. `well` says that the store is well again.
 */
export async function persist<T>(
  run: (well: () => void) => Promise<T>,
  { signal, complain, patienceMs = Number.POSITIVE_INFINITY }: PersistOptions,
): Promise<T> {
  const waits = { passes: patienceMs, mendable: mendMs };
  let began: { hope: keyof typeof waits; at: number } | undefined;
  let pauseMs = 50;
  const well = (): void => {
    began = undefined;
    pauseMs = 50;
  };
  for (;;) {
    try {
      return await run(well);
    } catch (error) {
      const hope = outlook(error);
      if (signal.aborted || (hope !== "passes" && hope !== "mendable")) throw error;
      if (began?.hope !== hope) began = { hope, at: performance.now() };
      if (performance.now() - began.at >= waits[hope]) throw error;
      complain(error);
      await pause(pauseMs, signal).catch(() => {
        throw error;
      });
      pauseMs = Math.min(pauseMs * 2, 2000);
    }
  }
}

/** Whether nothing more can be hoped of the store, once `persist` has given up. */
export const isHopeless = (error: unknown): boolean => !["values", undefined].includes(outlook(error));

/** Work that ends once: when it is closed, when its connection is gone, or, with an error, when it cannot go on. */
export function createEnd(gone: Promise<unknown>, finish: () => Promise<void>) {
  let end = (): void => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const asked = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  const closed = Promise.race([asked, gone]).then(finish, async (error: unknown) => {
    await finish();
    throw error;
  });
  // It was told as an event too; a host that looks at neither must not die of it.
  closed.catch(() => undefined);
  const close = (): Promise<void> => {
    end();
    return closed;
  };
  return { fail, end: { closed, close, [Symbol.asyncDispose]: close } };
}
