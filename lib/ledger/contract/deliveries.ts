import type { AnswerOf, Checked, KindName, PendingRequest } from "../../pending/index.js";
import type { Entry } from "./entries.js";

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
