import type { AnswerOf, KindName, PendingRequest } from "../pending/index.js";
import type { AnswerOptions, CancelOptions, Claim, ClaimFilter, ClaimOptions } from "./contract/claims.js";
import type { Delivery, DeliveryOptions, LostOptions, Seed } from "./contract/deliveries.js";
import type {
  Entry,
  Filter,
  ListFilter,
  Page,
  Receipt,
  RecordOptions,
  Transition,
  WatchOptions,
} from "./contract/entries.js";
import type { GrantLedger } from "./contract/grants.js";
import type { NoticeLedger } from "./contract/notices.js";
import type { TicketLedger } from "./contract/tickets.js";

export type * from "./contract/claims.js";
export type * from "./contract/deliveries.js";
export type * from "./contract/entries.js";
export type * from "./contract/grants.js";
export type * from "./contract/notices.js";
export type * from "./contract/tickets.js";

/** Options of `Ledger.prune`. Times are in milliseconds. */
export interface PruneOptions {
  /** Deletes final entries, and lost ones, that have not moved for so long. */
  entriesMs: number;
  /** Deletes receipts of deleted entries that are older; left out, they are kept. */
  receiptsMs?: number | undefined;
  /** Forgets grants that nothing has happened to for so long; left out, they are kept. Their authorization servers are not told. */
  grantsMs?: number | undefined;
}

/**
 * The durable store of entries, claims, answers and receipts. Any number of processes may have it open at once.
 *
 * Every method rejects with a LedgerError: `UNAVAILABLE` when the store cannot be reached or is closed, `DATABASE` when it refuses,
 * `CORRUPT` when a row is not what it was sealed as; and with a TypeError when an argument is malformed.
 */
export interface Ledger extends GrantLedger, NoticeLedger, TicketLedger {
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
  claim<K extends KindName = KindName>(filter: ClaimFilter<K>, options: ClaimOptions): Promise<Claim<K> | undefined>;
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
  /**
   * Removes what is over. Grants are kept, unless `grantsMs` is given; with more than one key, those that an older key sealed are sealed anew
   * with the first.
   */
  prune(options: PruneOptions): Promise<{ entries: number; receipts: number }>;
  /** Ends watches and waits, and closes the database. Claims stay until their leases end. */
  close(): Promise<void>;
  /** `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}
