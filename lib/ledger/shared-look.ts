import { longestWaitMs } from "./changes.js";

/**
 * What many ask of the database at once, asked once. It holds until something changes, and not for long: should a notification be lost,
 * whoever waits looks again by the time that `longestWaitMs` is over.
 */
export class SharedLook<T> {
  readonly #look: () => Promise<T>;
  readonly #holdsMs: (found: T) => number;
  #last: { readonly count: number; readonly at: number; until: number; readonly found: Promise<T> } | undefined;

  /** `holdsMs` tells for how long at most what was found is true. */
  constructor(look: () => Promise<T>, holdsMs: (found: T) => number = () => Number.POSITIVE_INFINITY) {
    this.#look = look;
    this.#holdsMs = holdsMs;
  }

  /** What was found after so many changes, and how many milliseconds ago it was asked for. */
  async after(count: number): Promise<{ found: T; ageMs: number }> {
    const last = this.#good(count) ?? this.#again(count);
    const found = await last.found;
    return { found, ageMs: performance.now() - last.at };
  }

  #good(count: number) {
    return this.#last?.count === count && performance.now() < this.#last.until ? this.#last : undefined;
  }

  #again(count: number) {
    const at = performance.now();
    const last = { count, at, until: Number.POSITIVE_INFINITY, found: this.#look() };
    const ends = (ms: number): void => {
      last.until = at + Math.min(ms, longestWaitMs / 2);
    };
    last.found.then(
      (found) => ends(this.#holdsMs(found)),
      () => ends(0),
    );
    this.#last = last;
    return last;
  }
}
