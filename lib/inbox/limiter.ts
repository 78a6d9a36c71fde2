const windowMs = 60_000;
/** A person mistypes; who guesses 256 bits needs more. */
const allowed = 10;
const kept = 10_000;

/** Limits wrong guesses by the address that they come from. */
export class Limiter {
  readonly #wrong = new Map<string, { count: number; endsAt: number }>();

  /** Whether this address may try again now. */
  allows(address: string): boolean {
    const found = this.#wrong.get(address);
    if (found === undefined || found.endsAt <= Date.now()) return true;
    return found.count < allowed;
  }

  /** One guess was wrong. */
  wrong(address: string): void {
    const found = this.#wrong.get(address);
    if (found !== undefined && found.endsAt > Date.now()) found.count += 1;
    else {
      this.#wrong.delete(address);
      this.#wrong.set(address, { count: 1, endsAt: Date.now() + windowMs });
    }
    for (const key of this.#wrong.keys()) {
      if (this.#wrong.size <= kept) break;
      this.#wrong.delete(key);
    }
  }
}
