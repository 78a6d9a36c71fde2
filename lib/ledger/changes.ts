import type { Engine } from "./engine/engine.js";

/** Whoever waits for a change looks for one after so long at the latest, should every notification be lost. */
export const longestWaitMs = 5000;

/** Waiting for changes of any process, without missing one that comes between a look and the wait. */
export class Changes {
  #count = 0;
  #waiters = new Set<() => void>();
  #users = 0;
  #stop: (() => void) | undefined;
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get count(): number {
    return this.#count;
  }

  /** Listening costs something, so it goes on only while somebody uses it. */
  use(): () => void {
    if (this.#users++ === 0) this.#stop = this.#engine.listen(() => this.wake());
    let using = true;
    return () => {
      if (!using) return;
      using = false;
      if (--this.#users === 0) this.#stop?.();
    };
  }

  wake(): void {
    this.#count++;
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** Resolves when something changed after `count`, or when the time is over. Rejects with the signal's reason. */
  async after(count: number, ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#count !== count || ms <= 0) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(settle);
        signal?.removeEventListener("abort", settle);
        if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      const timer = setTimeout(settle, Math.min(ms, 2 ** 31 - 1));
      this.#waiters.add(settle);
      signal?.addEventListener("abort", settle);
    });
  }
}
