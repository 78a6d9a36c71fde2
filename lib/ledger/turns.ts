import { startTimer } from "../base/amounts.js";
import { until } from "../base/until.js";

/**
 * Those of one process who wait for the same thing ask the database for it one after another. Otherwise each change would wake all of them, and
 * each would ask.
 */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Resolves when those before are done, or when the time is over. What it gives ends the turn. Rejects with the signal's reason.
   */
  async take(name: string, ms: number, signal: AbortSignal | undefined): Promise<() => void> {
    const before = this.#last.get(name);
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const turn = Promise.all([before, ended]).then(() => {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    });
    this.#last.set(name, turn);
    if (before === undefined) return end;
    try {
      await until<void>({ signal }, (resolve) => {
        void before.then(resolve);
        return startTimer(ms, resolve);
      });
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }
}
