import { pause } from "../../base/until.js";

const firstPauseMs = 1000;
const longestPauseMs = 300_000;
const lookMs = 1000;

/**
 * Credentials whose command failed, each left alone for twice as long every time, and entries that are parked: their command printed
 * something that is no answer. Other work goes on meanwhile.
 */
export class Backoff {
  readonly #until = new Map<string, { readonly at: number; readonly pauseMs: number }>();
  readonly #parked = new Set<string>();

  add(credential: string): void {
    const pauseMs = Math.min((this.#until.get(credential)?.pauseMs ?? firstPauseMs / 2) * 2, longestPauseMs);
    this.#until.set(credential, { at: performance.now() + pauseMs, pauseMs });
  }

  forget(credential: string): void {
    this.#until.delete(credential);
  }

  park(entries: readonly string[]): void {
    for (const id of entries) this.#parked.add(id);
  }

  /** Forgets parked entries that are not open any more. */
  keepParked(open: ReadonlySet<string>): void {
    for (const id of this.#parked) if (!open.has(id)) this.#parked.delete(id);
  }

  has(credential: string, entry: string): boolean {
    return this.#parked.has(entry) || (this.#until.get(credential)?.at ?? 0) > performance.now();
  }

  any(): boolean {
    return this.#parked.size > 0 || [...this.#until.values()].some(({ at }) => at > performance.now());
  }

  pause(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    let ms = lookMs;
    for (const { at } of this.#until.values()) if (at > now) ms = Math.min(ms, at - now);
    return pause(Math.max(10, ms), signal);
  }
}
