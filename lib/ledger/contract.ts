import type { Actor, AnswerOf, Checked, KindName, PendingRequest, SecretsOf } from "../pending/index.js";
import type { Outcome, State } from "./states.js";

type Open<R> = R extends unknown ? Omit<R, "secrets"> : never;

/** What a ledger adds to a pending request. */
export interface EntryFields {
  /** The entry's id in this ledger. */
  readonly id: string;
  /** Where it is in its life. */
  readonly state: State;
  /** How it ended, once it is settled. */
  readonly outcome?: Outcome;
  /** What stays the same when the runtime asks again. */
  readonly intent: string;
  /** What one answer may serve. */
  readonly credential: string;
  /** The load of the session that asked, as its host names it. */
  readonly epoch?: string;
  /** The last persisted event before it in its session's log, where that was told. */
  readonly anchor?: string;
  /** Whose account the answer is of, for people to see. Never sent to the runtime. */
  readonly account?: string;
  /** The entry of the same question asked again. */
  readonly successor?: string;
  /** When it was recorded, by the database's clock. */
  readonly createdAt: Date;
  /** When it moved last, by the database's clock. */
  readonly updatedAt: Date;
  /** When it stops waiting for an answer. */
  readonly expiresAt?: Date;
  /** Who works on it now, for people to see. Looked up by `get`, `list` and `watch`; what other calls return lacks it. */
  readonly claim?: { readonly owner: string; readonly fence: number; readonly until: Date };
}

/** A pending request written down. Its secrets stay sealed. */
export type Entry<K extends KindName = KindName> = Open<PendingRequest<K>> & EntryFields;

/** One line of an entry's history. Lines are never changed. */
export interface Receipt {
  /** Grows over the whole ledger in the order in which transitions became visible. */
  readonly seq: number;
  /** The entry's id. */
  readonly entry: string;
  /** When, by the database's clock. */
  readonly at: Date;
  /** The state that it went to. */
  readonly state: State;
  /** How it ended, where it was settled. */
  readonly outcome?: Outcome;
  /** Who did it, in their own words. */
  readonly by?: string;
  /** The claim or delivery under which it was done. */
  readonly fence?: number;
  /** Why, for people to read. */
  readonly reason?: string;
  /** Who gave the answer, where the one who wrote it down said so. */
  readonly actor?: Actor;
}

/** Which entries; one that names nothing takes all. A list stands for any of its items. */
export interface Filter<K extends KindName = KindName> {
  /** The entry with this id. */
  id?: string | undefined;
  /** In one of these states. */
  state?: State | readonly State[] | undefined;
  /** Of one of these kinds. */
  kind?: K | readonly K[] | undefined;
  /** Asked by one of these sessions. */
  sessionId?: string | readonly string[] | undefined;
  /** On behalf of this principal. */
  principal?: string | undefined;
  /** Those that one answer may serve: an entry's `credential`. */
  credential?: string | undefined;
  /** The same question, asked again or not: an entry's `intent`. */
  intent?: string | undefined;
  /** Sent, and nobody waits for the reply any more. */
  inDoubt?: true | undefined;
  /** Recorded at least so many milliseconds ago, by the database's clock. */
  minAgeMs?: number | undefined;
  /** Recorded at most so many milliseconds ago, by the database's clock. */
  maxAgeMs?: number | undefined;
}

/** A filter with a page. */
export interface ListFilter<K extends KindName = KindName> extends Filter<K> {
  /** At most so many. Default 1000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
}

/** Entries from the oldest on. `next` is set when there are more. */
export interface Page<K extends KindName = KindName> extends Array<Entry<K>> {
  /** The `after` of the next page. */
  next?: string;
}

/** Options of `Ledger.record`. */
export interface RecordOptions {
  /** The load of the session that asked: the part before `|` in its event-log cursor. */
  epoch?: string | undefined;
  /** The last persisted event before it in the session's log, its `parentId`: another load of the session shows that one too. */
  anchor?: string | undefined;
  /** When it stops waiting for an answer. */
  expiresAt?: Date | undefined;
  /** Who records, for the receipt. */
  by?: string | undefined;
}

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
   * Keeps a JSON value under seal on the credential, for whoever claims it next; `undefined` clears it.
   * @throws TypeError when the value is no JSON, longer than 64 KiB, or deeper than 200 levels.
   * @throws TypeError when the value is too large, or no JSON; LedgerError `FENCED`
   */
  stash(value: unknown): Promise<void>;
  /** What was stashed on the credential last; undefined when nothing was. */
  stashed(): Promise<unknown>;
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

/** Options of `Ledger.deliver`. */
export interface DeliveryOptions {
  /** Who delivers, for the receipts. */
  owner: string;
  /** After so long without `settle` somebody else may deliver. Default 10 000. */
  leaseMs?: number | undefined;
  /** Asked while the answer is unsealed: whether the request still waits for it. Nothing is marked when it does not. */
  wanted?: (() => Promise<boolean>) | undefined;
}

/** What the runtime said to an answer, and what else is known about the request. */
export interface Reply {
  /** The runtime's `success`. */
  accepted: boolean;
  /** The runtime's own completed event for this request was seen. */
  completed?: boolean | undefined;
  /** Why, for the receipt. */
  reason?: string | undefined;
}

/** The right to give one answer to the runtime, once. The entry is `sent` on disk before this object exists. */
export interface Delivery<K extends KindName = KindName> {
  /** The entry, `sent` now. */
  readonly entry: Entry<K>;
  /** The answer in clear. A secret, mostly. It was checked when it was unsealed. */
  readonly answer: Checked<AnswerOf<K>>;
  /** The delivery's number. A later delivery has a higher one. */
  readonly fence: number;
  /** It was written to the wire before, under an older fence, and no reply was seen. */
  readonly inDoubt: boolean;
  /**
   * Prolongs the lease to `leaseMs` milliseconds from now; as long as at the start when left out.
   * @throws LedgerError `FENCED` when somebody else delivers now
   */
  extend(leaseMs?: number): Promise<void>;
  /**
   * Writes the runtime's reply down. What `accepted: false` means is found out from what the ledger knows.
   * @throws LedgerError `FENCED` when somebody else delivers now
   */
  settle(reply: Reply): Promise<Entry<K>>;
}

/** Options of `Ledger.watch`. */
export interface WatchOptions {
  /** Ends the watching with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** The `cursor` of the last entry seen; left out, from now on. */
  after?: string | undefined;
}

/** An entry as a transition left it. */
export type Transition<K extends KindName = KindName> = Entry<K> & { readonly cursor: string };

/** A good answer for a server of a session, to be put where the runtime looks when it loads the session. */
export interface Seed<K extends KindName = KindName> {
  /** The entry that was answered. */
  readonly entry: Entry<K>;
  /** What was asked, with its secrets. */
  readonly request: PendingRequest<K>;
  /** The answer in clear. */
  readonly answer: AnswerOf<K>;
  /** Until when it is good, where that is known. */
  readonly expiresAt?: Date;
  /** Writes down that the session was given it, so that a later refusal is known to be about it. */
  given(epoch?: string): Promise<void>;
}

/** Options of `Ledger.lost`. */
export interface LostOptions {
  /** Only requests of another load than this one. */
  epoch?: string | undefined;
  /** Only these entries. */
  only?: readonly string[] | undefined;
  /** Also those that would stay answerable, for the session is gone for good. */
  all?: boolean | undefined;
  /** Who found it out, for the receipts. */
  by?: string | undefined;
  /** Why, for the receipts. */
  reason?: string | undefined;
}

/** Options of `Ledger.prune`. Times are in milliseconds. */
export interface PruneOptions {
  /** Deletes final entries, and lost ones, that have not moved for so long. */
  entriesMs: number;
  /** Deletes receipts of deleted entries that are older; left out, they are kept. */
  receiptsMs?: number | undefined;
}

/**
 * The durable store of entries, claims, answers and receipts. Any number of processes may have it open at once.
 *
 * Every method rejects with a LedgerError: `UNAVAILABLE` when the store cannot be reached or is closed, `DATABASE` when it refuses,
 * `CORRUPT` when a row is not what it was sealed as; and with a TypeError when an argument is malformed.
 */
export interface Ledger {
  /**
   * Writes a request down; on disk before it resolves. The same request twice is one entry.
   * @throws LedgerError `UNAVAILABLE`, `DATABASE`, `WRONG_KEY`; TypeError for a date or an option that is none
   */
  record<K extends KindName>(request: PendingRequest<K>, options?: RecordOptions): Promise<Entry<K>>;
  /** The entry with this id; undefined when there is none. */
  get(id: string): Promise<Entry | undefined>;
  /**
   * The entries that the filter takes, oldest first, a page at a time.
   * @throws TypeError for a `limit` or an `after` that is none
   */
  list<K extends KindName = KindName>(filter?: ListFilter<K>): Promise<Page<K>>;
  /** The history of an entry, oldest first; it may outlive the entry. */
  receipts(id: string): Promise<Receipt[]>;
  /**
   * Every transition once, in order, whichever process made it.
   * @throws TypeError for a filter or an `after` that cannot be watched from
   */
  watch<K extends KindName = KindName>(
    filter?: Filter<K>,
    options?: WatchOptions,
  ): AsyncIterableIterator<Transition<K>>;
  /**
   * The exclusive right to the oldest credential that an open entry of the filter wants and nobody works on.
   * Undefined when there is none, also after `waitMs`.
   * @throws TypeError when the owner is missing or a time is none
   * @example
   * ```ts
   * import { openLedger } from "latchkey/ledger";
   *
   * await using ledger = await openLedger("latchkey.db");
   * await using claim = await ledger.claim({ kind: "permission.requested" }, { owner: "ada", waitMs: 60_000 });
   * if (claim) {
   *   console.log(claim.entry.data.permissionRequest);
   *   await claim.answer({ kind: "approve-once" }, { actor: "person" });
   * }
   * ```
   */
  claim<K extends KindName = KindName>(
    filter: Omit<Filter<K>, "state"> & { state?: "open" | readonly "open"[] | undefined },
    options: ClaimOptions,
  ): Promise<Claim<K> | undefined>;
  /**
   * Answers without a claim; refused with `CLAIMED` while one is live.
   * @throws ValidationError when the kind takes no such answer; LedgerError `UNKNOWN_ENTRY`, `CLAIMED`, `CONFLICT` when the entry has another
   * answer or takes none, `EXPIRED` when the entry's or the answer's time is over
   */
  answer<K extends KindName>(id: string, answer: AnswerOf<K>, options?: AnswerOptions): Promise<Entry>;
  /**
   * Takes an entry off the list that is open, answered and not yet sent, or lost. An answer that it had still serves others.
   * Refused with `CLAIMED` while it is open and somebody works on it, unless `force` is set.
   * @throws LedgerError `UNKNOWN_ENTRY`, `CLAIMED`, `EXPIRED`, `CONFLICT` when the entry is in a state that cannot be cancelled
   */
  cancel(id: string, options?: CancelOptions): Promise<Entry>;
  /**
   * Marks an answered entry `sent` and hands out its answer; nothing when there is none to give now.
   * @throws LedgerError `UNKNOWN_ENTRY`, `WRONG_KEY`, `CORRUPT`; nothing is marked then
   */
  deliver(id: string, options: DeliveryOptions): Promise<Delivery | undefined>;
  /** The runtime completed a request, whoever answered it. Nothing when it was never recorded. */
  completed(request: { kind: KindName; sessionId: string; requestId: string; by?: string }): Promise<Entry | undefined>;
  /**
   * A session is not loaded, or was loaded anew: open and answered requests of earlier loads are lost, except those that
   * stay answerable; what was sent and got no reply is settled as `unknown`. Returns the entries that moved.
   */
  lost(sessionId: string, options?: LostOptions): Promise<Entry[]>;
  /**
   * The runtime refused the answer that an entry was given, and no event says so: it serves nobody from now on.
   * @throws LedgerError `UNKNOWN_ENTRY`
   */
  refuse(id: string): Promise<void>;
  /**
   * The good answers that a session can be loaded with, one a question that it asked before and principal. `principal` leaves one
   * principal's; `null` leaves those of nobody, which no other session is given.
   */
  seeds(sessionId: string, options?: { principal?: string | null | undefined }): Promise<Seed[]>;
  /**
   * A runtime waits for a request that is settled here: it was killed before it had the answer on disk. Gives that answer, with a
   * receipt that it is given again. Where the answer did not come from here there is nothing to give, and the entry is open again.
   * @throws LedgerError `UNKNOWN_ENTRY`, `CORRUPT`
   */
  giveAgain(id: string, options?: { by?: string; reason?: string }): Promise<AnswerOf<KindName> | undefined>;
  /** Removes what is over. */
  prune(options: PruneOptions): Promise<{ entries: number; receipts: number }>;
  /** Ends watches and waits, and closes the database. Claims stay until their leases end. */
  close(): Promise<void>;
  /** `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}
