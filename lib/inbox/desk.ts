/**
 * What people of this inbox work on: claims, so that nobody else acts on the same entry meanwhile. One claim is on one credential, and
 * belongs to one browser.
 *
 *     none -> taken            take(): by "Sign in", "I am on it", or a ticket
 *     taken -> taken           every 20 s the lease is prolonged, by the one timer that an inbox has
 *     taken -> none            answered, put back, or nobody waits any more; after 15 minutes without a word from its browser
 *
 * When the process ends, the leases do within a minute.
 */
import { LedgerError } from "../base/errors.js";
import type { Claim, Entry, Ledger } from "../ledger/index.js";
import type { CodeFlow, Grant } from "../oauth/index.js";
import type { Html } from "./pages/html.js";

/** How far a sign-in has come. */
export type Stage =
  /** The browser is at the authorization server, or about to go there. */
  | { readonly at: "flow"; readonly flow: CodeFlow }
  /** It came back; the person has not said yet that it is the right account. */
  | { readonly at: "unconfirmed"; readonly grant: Grant };

export interface Work {
  readonly claim: Claim;
  readonly browser: string;
  stage?: Stage | undefined;
  /** An elicitation's URL as it was asked, parameters and all, once the person wants to go there. */
  url?: string | undefined;
  /** What the next page of the entry is to say, once. */
  note?: Html | undefined;
  seenAt: number;
}

export const leaseMs = 60_000;
const beatMs = leaseMs / 3;
const idleMs = 15 * 60_000;

export class Desk {
  /** By credential. */
  readonly #works = new Map<string, Work>();
  readonly #ledger: Ledger;
  #timer: NodeJS.Timeout | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** What this browser does about an entry. */
  find({ credential }: Pick<Entry, "credential">, browser: string): Work | undefined {
    const work = this.#works.get(credential);
    if (work?.browser !== browser) return undefined;
    work.seenAt = Date.now();
    return work;
  }

  /** The sign-in that has this `state`. */
  findFlow(state: string): Work | undefined {
    for (const work of this.#works.values())
      if (work.stage?.at === "flow" && work.stage.flow.state === state) return work;
    return undefined;
  }

  /** The claim on an entry for this browser: the one that it has, or a new one. Undefined while somebody else works on it. */
  async take(entry: Entry, owner: string, browser: string): Promise<Work | undefined> {
    const found = this.find(entry, browser);
    if (found !== undefined) return found;
    const claim = await this.#ledger.claim({ id: entry.id }, { owner, leaseMs });
    return claim && this.hold(claim, browser);
  }

  /** Keeps a claim alive for a browser. */
  hold(claim: Claim, browser: string): Work {
    const work: Work = { claim, browser, seenAt: Date.now() };
    this.#works.set(claim.entry.credential, work);
    this.#timer ??= setInterval(() => void this.#beat(), beatMs).unref();
    return work;
  }

  /** Gives the claim back. */
  async putBack(work: Work): Promise<void> {
    this.#drop(work);
    await work.claim.release();
  }

  /** The claim is over: it was answered or cancelled. */
  done(work: Work): void {
    this.#drop(work);
  }

  async close(): Promise<void> {
    const works = [...this.#works.values()];
    for (const work of works) this.#drop(work);
    await Promise.allSettled(works.map(({ claim }) => claim.release()));
  }

  #drop(work: Work): void {
    const { credential } = work.claim.entry;
    if (this.#works.get(credential) === work) this.#works.delete(credential);
    if (this.#works.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #beat(): Promise<void> {
    await Promise.all(
      [...this.#works.values()].map(async (work) => {
        try {
          if (Date.now() - work.seenAt > idleMs) await this.putBack(work);
          else await work.claim.extend();
          if (work.claim.entries.length === 0) await this.putBack(work);
        } catch (error) {
          // A store that is away for a moment has not given the claim to anybody else yet.
          if (!(error instanceof LedgerError && error.code === "UNAVAILABLE")) this.#drop(work);
        }
      }),
    );
  }
}
