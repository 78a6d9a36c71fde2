/**
 * - `none`: nothing is kept.
 * - `kept`: a grant is kept, and its refresh token was not presented since.
 * - `spending`: whoever holds it is presenting the refresh token.
 * - `in-doubt`: it was presented, and whoever did it is gone without saying what came of it. Nobody knows whether it is used up.
 */
export type GrantState = "none" | "kept" | "spending" | "in-doubt";

/** What an authorization server gave for one principal, server and client, without its secrets. */
export interface ListedGrant {
  /** Its id in this ledger. */
  readonly id: string;
  /** Whose it is. */
  readonly principal?: string;
  /** Where there is no principal: the session that it is for alone. */
  readonly sessionId?: string;
  /** The MCP server, without user info and query. */
  readonly server: string;
  /** The client that it was given to; before anything is kept, the one that the request names. */
  readonly client?: string;
  /** The authorization server that gave it. */
  readonly issuer?: string;
  /** What was granted. */
  readonly scope: readonly string[];
  /** Whose account it is, for people to see. */
  readonly account?: string;
  /** When its access token ends. */
  readonly expiresAt?: Date;
  /** When it was given, by the clock of who obtained it. */
  readonly obtainedAt?: Date;
  /** What is known of its refresh token. */
  readonly state: GrantState;
  /** When anybody first asked for it, by the database's clock. */
  readonly createdAt: Date;
  /** When its state changed last, by the database's clock. */
  readonly updatedAt: Date;
  /** Who holds it now. */
  readonly holder?: { readonly owner: string; readonly fence: number; readonly until: Date };
}

/** Which grants; one that names nothing takes all that are kept. A list stands for any of its items. */
export interface GrantFilter {
  /** The one with this id. */
  id?: string | undefined;
  /** Of this principal. */
  principal?: string | undefined;
  /** In one of these states. Left out: all but `none`. */
  state?: GrantState | readonly GrantState[] | undefined;
  /** At most so many. Default 1000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
}

/** Grants from the oldest on. `next` is set when there are more. */
export interface GrantPage extends Array<ListedGrant> {
  /** The `after` of the next page. */
  next?: string;
}

/** What can happen to a grant: it is in the state of this name then; `unspent` and `forgotten` say why it is in the one before, or in `none`. */
export type GrantEvent = "kept" | "spending" | "unspent" | "in-doubt" | "forgotten";

/** One line of a grant's history. Lines are never changed. */
export interface GrantReceipt {
  /** Grows over the whole ledger, together with the receipts of entries. */
  readonly seq: number;
  /** The grant's id. */
  readonly grant: string;
  /** When, by the database's clock. */
  readonly at: Date;
  /** What happened. */
  readonly event: GrantEvent;
  /** Who did it, in their own words. */
  readonly by?: string;
  /** The right under which it was done. */
  readonly fence?: number;
  /** Why, for people to read. */
  readonly reason?: string;
}

/** Options of `Claim.grant`. Times are in milliseconds. */
export interface GrantOptions {
  /** How long it is held unless extended. Default 60 000. */
  leaseMs?: number | undefined;
  /** How long to wait while somebody else holds it. Default 30 000: longer than one request to a token endpoint may take. */
  waitMs?: number | undefined;
  /** Ends the waiting with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `Ledger.holdGrant`. */
export interface HoldGrantOptions extends GrantOptions {
  /** Who holds it, for people to see. */
  owner: string;
}

/** Options of `Ledger.forget`. */
export interface ForgetOptions {
  /** Who signs out, for the receipt. */
  by?: string | undefined;
  /** Why, for the receipt. */
  reason?: string | undefined;
  /** Also while somebody else holds it: what they obtain is not kept any more. */
  force?: boolean | undefined;
}

/**
 * The exclusive, leased and fenced right to what is kept for one principal, server and client, whatever the scope.
 *
 * Each verb is one transaction that checks the fence, and is on disk when it resolves. `spend` needs a live lease. `unspent`, `keep` and `forget`
 * tell what has happened already, so they are taken as long as nobody else has come to hold it, also after the lease.
 */
export interface HeldGrant {
  /** The grant's id. */
  readonly id: string;
  /** The number of this right. A later one has a higher one. */
  readonly fence: number;
  /** When the lease ends, by the database's clock. */
  readonly until: Date;
  /** What is kept: nothing, a grant, or one whose refresh token may have been spent. As of the last verb. */
  readonly state: "none" | "kept" | "in-doubt";
  /** What was kept last, as JSON. A secret. */
  readonly grant: unknown;
  /**
   * The refresh token is about to be presented. From now on it is in doubt, until `keep`, `unspent` or `forget` says otherwise.
   * @throws LedgerError `FENCED`, `CONFLICT` when nothing is kept, or it is being spent already
   */
  spend(): Promise<void>;
  /**
   * It surely was not used up: the request never reached the server. Where it was in doubt before `spend`, it is again.
   * @throws LedgerError `FENCED`
   */
  unspent(): Promise<void>;
  /**
   * Keeps what the authorization server gave, in the place of what was there.
   * @throws TypeError when it is no JSON object, longer than 64 KiB, or deeper than 200 levels; LedgerError `FENCED`
   */
  keep(grant: unknown): Promise<void>;
  /**
   * Keeps nothing any more.
   * @throws LedgerError `FENCED`
   */
  forget(options?: { reason?: string | undefined }): Promise<void>;
  /**
   * Prolongs the lease to `leaseMs` milliseconds from now; as long as at the start when left out.
   * @throws LedgerError `FENCED`
   */
  extend(leaseMs?: number): Promise<void>;
  /** Gives the right back. What is being spent is in doubt then. Twice, or too late, is harmless. */
  release(): Promise<void>;
  /** `await using` releases it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a ledger does with grants. */
export interface GrantLedger {
  /**
   * What is kept, without secrets, oldest first, a page at a time.
   * @throws TypeError for a `state`, a `limit` or an `after` that is none
   */
  grants(filter?: GrantFilter): Promise<GrantPage>;
  /** The history of a grant, oldest first; it may outlive the grant. */
  grantReceipts(id: string): Promise<GrantReceipt[]>;
  /**
   * The right to a grant without a claim, for who signs out: revoke it at its authorization server, then `forget` it.
   * @throws TypeError when the owner is missing or a time is none; LedgerError `UNKNOWN_GRANT`, `CLAIMED` when somebody else held it all the time
   * @example
   * ```ts
   * import { openLedger } from "latchkey/ledger";
   * import { parseGrant, revoke } from "latchkey/oauth";
   *
   * await using ledger = await openLedger("latchkey.db");
   * for (const { id } of await ledger.grants({ principal: "ada" })) {
   *   await using held = await ledger.holdGrant(id, { owner: "sign out" });
   *   await revoke(parseGrant(held.grant));
   *   await held.forget({ reason: "signed out" });
   * }
   * ```
   */
  holdGrant(id: string, options: HoldGrantOptions): Promise<HeldGrant>;
  /**
   * Keeps nothing of a grant any more. Its authorization server is not told: see `holdGrant`. Refused with `CLAIMED` while somebody holds it,
   * unless `force` is set. Twice is harmless.
   * @throws LedgerError `UNKNOWN_GRANT`, `CLAIMED`
   */
  forget(id: string, options?: ForgetOptions): Promise<void>;
}
