import type { Actor, AnswerOf, KindName, PendingRequest, SecretsOf } from "../../pending/index.js";
import type { Entry, Filter } from "./entries.js";
import type { GrantOptions, HeldGrant } from "./grants.js";

/** Options of an answer. */
export interface AnswerOptions {
  /** Who answers, for the receipt. */
  by?: string | undefined;
  /** Whether a person decided this, or a program did. The receipt keeps it, and the runtime is told where its protocol has a place for it. */
  actor?: Actor | undefined;
  /** A name for people to see, from an ID token's claims for example. */
  account?: string | undefined;
  /** Until when it may serve other requests. Left out, the answer itself tells (`expiresIn`), or nothing limits it. */
  expiresAt?: Date | undefined;
}

/** Options of `cancel`. */
export interface CancelOptions {
  /** Who cancels, for the receipt. */
  by?: string | undefined;
  /** Why, for the receipt. */
  reason?: string | undefined;
  /** Also while somebody else works on it: they find that nobody waits any more. */
  force?: boolean | undefined;
}

/** Which entries a claim may be on: open ones. */
export type ClaimFilter<K extends KindName = KindName> = Omit<Filter<K>, "state"> & {
  /** Claims are on open entries only. */
  state?: "open" | readonly "open"[] | undefined;
  /** Those whose credential has a stash with this tag: see `Claim.stash`. Found within the ledger's principal; with the ledger's own key, in all. */
  tag?: string | undefined;
};

/** Options of `Claim.stash`. */
export interface StashOptions {
  /**
   * What the stash is found by, in any process: `ledger.claim({ tag })`. OAuth's `state`, for example. Only a keyed digest of it is stored.
   */
  tag?: string | undefined;
}

/** Options of `Ledger.claim`. */
export interface ClaimOptions {
  /** Who claims, for people to see. */
  owner: string;
  /** How long the claim lives unless extended. Default 60 000. */
  leaseMs?: number | undefined;
  /** How long to wait when there is nothing to claim. Default 0; with a `signal` and no `waitMs`, until it aborts. */
  waitMs?: number | undefined;
  /** Ends the waiting with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * The exclusive right to work on one credential. Every method checks the fence in the same transaction as it writes
 * and rejects with `FENCED` once the lease is over.
 */
export interface Claim<K extends KindName = KindName> {
  /** The oldest open entry of the credential that the filter took. */
  readonly entry: Entry<K>;
  /** All open entries of the credential as last seen: at the claim, `wanted()` or `extend()`. */
  readonly entries: readonly Entry<K>[];
  /** The claim's number. A later claim has a higher one. */
  readonly fence: number;
  /** When the lease ends, by the database's clock. */
  readonly until: Date;
  /**
   * The secret fields of an entry of this claim, unsealed.
   * @throws LedgerError `UNKNOWN_ENTRY` when the entry is none of this claim, `FENCED`, `WRONG_KEY`
   */
  secrets(entryId?: string): Promise<SecretsOf<K>>;
  /**
   * An entry of this claim with its secrets, as it was recorded.
   * @throws LedgerError as `secrets`
   */
  request(entryId?: string): Promise<PendingRequest<K>>;
  /**
   * Keeps a JSON value under seal on the credential, for whoever claims it next; `undefined` clears it. A `tag` replaces the one before;
   * without one there is none any more. Both go when the last open entry of the credential is answered or cancelled.
   * @throws TypeError when the value is no JSON, longer than 64 KiB, or deeper than 200 levels, or the tag is empty; LedgerError `FENCED`
   */
  stash(value: unknown, options?: StashOptions): Promise<void>;
  /** What was stashed on the credential last; undefined when nothing was. */
  stashed(): Promise<unknown>;
  /**
   * The exclusive right to what is kept for the principal, server and client of this claim: see `HeldGrant`. Claims on two scopes never have it
   * at once. Losing the claim afterwards does not end it.
   * @throws TypeError when the kind of the request has no server to sign in to, or a time is none; LedgerError `CLAIMED` when somebody else held it all
   * the time, `FENCED` when the claim is over, `CONFLICT` for a claim that a ticket gave
   */
  grant(options?: GrantOptions): Promise<HeldGrant>;
  /**
   * What is kept, in one reading and without the right to it: the grant as JSON, a secret; undefined while nothing is kept, or it is being spent or in doubt.
   * @throws as `grant`
   */
  kept(): Promise<unknown>;
  /** Looks whether any entry still waits, before a person is bothered. */
  wanted(): Promise<boolean>;
  /** Prolongs the lease to `leaseMs` milliseconds from now; as long as at the claim when left out. */
  extend(leaseMs?: number): Promise<void>;
  /** Gives the credential back. Twice, or too late, is harmless. */
  release(): Promise<void>;
  /**
   * Answers every open entry of the credential, or this one where the answer serves one only, and releases.
   * @throws ValidationError when the kind takes no such answer; LedgerError `FENCED`, `EXPIRED` when the answer's time is over already,
   * `CONFLICT` when no entry takes an answer any more
   */
  answer(answer: AnswerOf<K>, options?: AnswerOptions): Promise<Entry<K>>;
  /**
   * Cancels every open entry of the credential, and releases.
   * @throws LedgerError `FENCED`
   */
  cancel(options?: Omit<CancelOptions, "force">): Promise<void>;
  /** `await using` releases it. */
  [Symbol.asyncDispose](): Promise<void>;
}
