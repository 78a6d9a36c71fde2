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

  /** Resolves when no job is left. */
  async idle(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all(this.#lanes.values());
  }
}
