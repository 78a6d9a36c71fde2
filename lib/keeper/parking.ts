/** An entry that waits until its session is loaded here, or until the runtime shows that it asked. */
export interface Parked {
  readonly id: string;
  readonly sessionId: string;
  /** Its session is loaded here, but the load has not shown that it asked. */
  readonly doubted: boolean;
}

/** The parked entries of a deliverer, by session. */
export class Parking {
  readonly #sessions = new Map<string, Map<string, Parked>>();

  /** False when the entry was there already. */
  add({ id, sessionId }: { id: string; sessionId: string }, { doubted }: { doubted: boolean }): boolean {
    const entries = this.#sessions.get(sessionId) ?? new Map<string, Parked>();
    const known = entries.get(id);
    this.#sessions.set(sessionId, entries.set(id, { id, sessionId, doubted: doubted || known?.doubted === true }));
    return known === undefined;
  }

  remove({ id, sessionId }: Parked): void {
    const entries = this.#sessions.get(sessionId);
    entries?.delete(id);
    if (entries?.size === 0) this.#sessions.delete(sessionId);
  }

  of(sessionId: string): Parked[] {
    return [...(this.#sessions.get(sessionId)?.values() ?? [])];
  }

  sessions(): string[] {
    return [...this.#sessions.keys()];
  }
}
