import type { Claim } from "./claims.js";
import type { Entry } from "./entries.js";

/** Options of `Ledger.ticket`. */
export interface TicketOptions {
  /** When it ends. */
  expiresAt: Date;
  /** Who makes it, for the receipt. */
  by?: string | undefined;
}

/** Options of `Ledger.redeem`. */
export interface RedeemOptions {
  /** Who answers, for people to see. */
  owner: string;
  /** How long the claim lives unless extended; never longer than the ticket. Default 60 000. */
  leaseMs?: number | undefined;
}

/**
 * What a ledger does with tickets. A ticket is a bearer right to answer one entry, once: it is used up by the answer, or by the cancellation.
 * A claim that is released, or ends with its lease, leaves the ticket as good as before.
 */
export interface TicketLedger {
  /**
   * Makes a ticket for an open entry: 256 random bits in base64url. The ledger keeps a digest only, so nobody can be shown it again.
   * @throws TypeError for a date that is none; LedgerError `UNKNOWN_ENTRY`, `CONFLICT` when the entry is not open, `EXPIRED` when its time or
   * `expiresAt` is over
   * @example
   * ```ts
   * import { openLedger } from "latchkey/ledger";
   *
   * await using ledger = await openLedger("latchkey.db");
   * for (const { id } of await ledger.list({ state: "open" })) {
   *   const ticket = await ledger.ticket(id, { expiresAt: new Date(Date.now() + 15 * 60_000), by: "notify" });
   *   console.log(`https://inbox.example/t/${ticket}`);
   * }
   * ```
   */
  ticket(entryId: string, options: TicketOptions): Promise<string>;
  /**
   * The entry that a ticket is for, for a page that shows it. Looking does not use the ticket up.
   * @throws LedgerError `UNKNOWN_TICKET`, `USED_TICKET`, `EXPIRED`, `CORRUPT`
   */
  ticketed(ticket: string): Promise<Entry>;
  /**
   * A claim of the ticket's entry alone: what is answered or cancelled through it is that entry, and an answer serves no other.
   * @throws TypeError when the owner is missing or a time is none; LedgerError `UNKNOWN_TICKET`, `USED_TICKET`, `EXPIRED` when the ticket's or the
   * entry's time is over, `CLAIMED` while somebody works on the entry, this ticket's own claim included, `CONFLICT` when the entry is not open any more
   */
  redeem(ticket: string, options: RedeemOptions): Promise<Claim>;
}
