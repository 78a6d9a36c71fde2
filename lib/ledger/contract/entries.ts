import type { Actor, KindName, PendingRequest } from "../../pending/index.js";
import type { Outcome, State } from "../states.js";

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
  /** The W3C trace context of what asked, so that a broker's span is part of its trace. */
  readonly traceparent?: string;
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
  /** The id of the ticket through which it was done, or that was made. Not the ticket itself. */
  readonly ticket?: string;
  /** Set where the entry did not move: a ticket was made for it, or somebody is being told of it, was told, or could not be: see `Ledger.notice`. */
  readonly event?: "ticket" | "telling" | "told" | "not-told";
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
  /** The trace context of what asked: the header `traceparent` of W3C Trace Context. */
  traceparent?: string | undefined;
  /** Who records, for the receipt. */
  by?: string | undefined;
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
