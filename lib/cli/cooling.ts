import { pause } from "../base/until.js";

const firstPauseMs = 1000;
const longestPauseMs = 300_000;
const lookMs = 1000;

/** Credentials whose command failed, each left alone for longer every time; other work goes on meanwhile. */
export class Cooling {
  readonly #until = new Map<string, { readonly at: number; readonly pauseMs: number }>();

  add(credential: string): void {
    const pauseMs = Math.min((this.#until.get(credential)?.pauseMs ?? firstPauseMs / 2) * 2, longestPauseMs);
    this.#until.set(credential, { at: performance.now() + pauseMs, pauseMs });
  }

  forget(credential: string): void {
    this.#until.delete(credential);
  }

  has(credential: string): boolean {
    return (this.#until.get(credential)?.at ?? 0) > performance.now();
  }

  any(): boolean {
    return [...this.#until.values()].some(({ at }) => at > performance.now());
  }

  pause(signal: AbortSignal): Promise<void> {
    const soonest = Math.min(...[...this.#until.values()].map(({ at }) => at).filter((at) => at > performance.now()));
    const ms = Math.max(10, Math.min(soonest - performance.now(), lookMs));
    return pause(ms, signal);
  }
}
