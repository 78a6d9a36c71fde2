/** The state machine once more, plain and in memory, for the ledgers to be compared with. It has no leases: they end by command. */
export interface ModelEntry {
  readonly requestId: string;
  readonly session: number;
  readonly intent: string;
  readonly credential: string;
  state: string;
  outcome?: string;
  successor?: string;
  answer?: ModelAnswer;
  delivery: number;
  completed: boolean;
  readonly history: string[];
}

interface ModelAnswer {
  readonly value: string;
  readonly credential: string;
  refused: boolean;
}

export type Outcome = "ok" | "none" | "FENCED" | "CLAIMED" | "CONFLICT" | "UNKNOWN_ENTRY";

export class Model {
  readonly entries: ModelEntry[] = [];
  readonly #answers: ModelAnswer[] = [];
  readonly #had = new Map<string, Set<ModelAnswer>>();
  /** The live claim of each credential, by the number that the test gave it. */
  readonly #claims = new Map<string, number>();
  /** The last claim that was neither overtaken nor outdated by an answer without one. */
  readonly #fences = new Map<string, number>();

  record(session: number, principal: number, requestId: string, refused: boolean): void {
    if (this.entries.some((entry) => entry.session === session && entry.requestId === requestId)) return;
    const intent = `${session}`;
    const credential = `${principal}`;
    const entry: ModelEntry = {
      requestId,
      session,
      intent,
      credential,
      state: "new",
      delivery: -1,
      completed: false,
      history: [],
    };
    this.#move(entry, "open");
    for (const old of this.entries) {
      if (old.intent !== intent || !["open", "answered", "lost"].includes(old.state)) continue;
      if (old.state !== "lost") this.#move(old, "lost");
      this.#move(old, "superseded");
      old.successor = requestId;
    }
    this.entries.push(entry);
    if (refused) for (const answer of this.#had.get(intent) ?? []) answer.refused = true;
    const had = this.#had.get(intent);
    const good = this.#answers
      .filter((answer) => answer.credential === credential && !answer.refused && !had?.has(answer))
      .at(-1);
    if (good !== undefined) this.#give(entry, good);
  }

  /** The entry that a claim gets. */
  claim(principal: number, number: number): ModelEntry | undefined {
    const credential = `${principal}`;
    const open = this.#open(credential);
    if (open.length === 0 || this.#claims.has(credential)) return undefined;
    this.#claims.set(credential, number);
    this.#fences.set(credential, number);
    return open[0];
  }

  release(number: number): void {
    for (const [credential, live] of this.#claims) if (live === number) this.#claims.delete(credential);
  }

  answer(entry: ModelEntry, value: string, claim?: number): Outcome {
    const live = this.#claims.get(entry.credential);
    if (claim !== undefined && this.#fences.get(entry.credential) !== claim) return "FENCED";
    const past = entry.state === "lost" || entry.state === "superseded";
    if (entry.answer?.value === value) return "ok";
    if (entry.answer !== undefined && !past) return "CONFLICT";
    if (claim !== undefined && live !== claim) return "FENCED";
    if (claim === undefined && live !== undefined) return "CLAIMED";
    if (entry.state !== "open" && !past) return "CONFLICT";
    const answer = { value, credential: entry.credential, refused: false };
    this.#answers.push(answer);
    this.#claims.delete(entry.credential);
    if (claim === undefined) this.#fences.delete(entry.credential);
    for (const open of this.#open(entry.credential)) this.#give(open, answer);
    return "ok";
  }

  cancel(entry: ModelEntry): Outcome {
    if (entry.state === "cancelled") return "ok";
    if (!["open", "answered", "lost"].includes(entry.state)) return "CONFLICT";
    if (entry.state === "open" && this.#claims.has(entry.credential)) return "CLAIMED";
    this.#move(entry, "cancelled");
    return "ok";
  }

  deliver(entry: ModelEntry, number: number): string | undefined {
    if (entry.state !== "answered" || entry.answer === undefined) return undefined;
    this.#move(entry, "sent");
    entry.delivery = number;
    const had = this.#had.get(entry.intent) ?? new Set();
    this.#had.set(entry.intent, had.add(entry.answer));
    return entry.answer.value;
  }

  settle(entry: ModelEntry, number: number, accepted: boolean): Outcome {
    if (entry.delivery !== number) return "FENCED";
    if (entry.state !== "sent") return "ok";
    const newer = this.entries.some(
      (other) => other.intent === entry.intent && this.entries.indexOf(other) > this.entries.indexOf(entry),
    );
    this.#move(entry, "settled");
    entry.outcome = accepted ? "accepted" : entry.completed ? "conflict" : newer ? "superseded" : "unknown";
    return "ok";
  }

  complete(entry: ModelEntry): void {
    if (entry.state === "open" || entry.state === "answered") {
      this.#move(entry, "settled");
      entry.outcome = "elsewhere";
    } else if (entry.state === "sent") entry.completed = true;
  }

  /** The answer that a settled entry is given again; one that was answered elsewhere is open again. */
  again(entry: ModelEntry): string | undefined {
    if (entry.state !== "settled") return undefined;
    if (entry.answer !== undefined) {
      entry.history.push("sent");
      return entry.answer.value;
    }
    delete entry.outcome;
    this.#move(entry, "open");
    return undefined;
  }

  lose(session: number): void {
    this.#had.delete(`${session}`);
    for (const entry of this.entries) {
      if (entry.session !== session) continue;
      if (entry.state === "open" || entry.state === "answered") this.#move(entry, "lost");
      else if (entry.state === "sent") {
        this.#move(entry, "settled");
        entry.outcome = "unknown";
      }
    }
  }

  #open(credential: string): ModelEntry[] {
    return this.entries.filter((entry) => entry.credential === credential && entry.state === "open");
  }

  #give(entry: ModelEntry, answer: ModelAnswer): void {
    entry.answer = answer;
    this.#move(entry, "answered");
  }

  #move(entry: ModelEntry, state: string): void {
    entry.state = state;
    entry.history.push(state);
  }
}
