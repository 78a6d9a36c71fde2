/** How tickets are made and read. The rules are in `rules/ticket.ts`. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { momentOf, spanOf } from "../base/amounts.js";
import { LedgerError } from "../base/errors.js";
import { traced } from "../base/tracing.js";
import type { LedgerAccess } from "./access.js";
import type { RedeemOptions, TicketOptions } from "./contract/tickets.js";
import { number, type Row, text, textOr } from "./engine/engine.js";
import { HeldClaim } from "./held-claim.js";
import * as rules from "./rules/ticket.js";
import { tracedClaim } from "./traced.js";
import { proveEntries } from "./unseal.js";

const bytes = 32;
const defaultLeaseMs = 60_000;

/** What the ledger keeps of a ticket. It is random enough for a plain digest. */
const digestOf = (ticket: string): string =>
  createHash("sha256").update("latchkey ticket\0").update(ticket).digest("base64url");

/** Makes a ticket for an entry that this ledger may see. */
export async function makeTicket(ledger: LedgerAccess, entry: Row, options: TicketOptions): Promise<string> {
  const expiresAt = momentOf(options.expiresAt, "expiresAt");
  await proveEntries(ledger.keyring, [entry]);
  const ticket = randomBytes(bytes).toString("base64url");
  const fixed = { id: randomUUID(), digest: digestOf(ticket), expiresAt };
  const mac = ledger.keyring.mark("ticket", textOr(entry.principal), [
    fixed.id,
    fixed.digest,
    text(entry.id),
    expiresAt,
  ]);
  await ledger.write("ticket", () => rules.makeTicket({ ...fixed, mac, entry, by: options.by }));
  return ticket;
}

/** A ticket that is good, and its entry. */
export async function findTicket({ engine, keyring }: LedgerAccess, ticket: string): Promise<{ row: Row; entry: Row }> {
  if (typeof ticket !== "string") throw new TypeError('"ticket" must be a text');
  const row = await engine.read(() => rules.ticketRow(digestOf(ticket), keyring.principal));
  const [principal, entryId] = [textOr(row.principal), text(row.entry)];
  const signed = [text(row.id), text(row.digest), entryId, number(row.expires_at)];
  if (!keyring.isMark(text(row.mac), "ticket", principal, signed))
    throw new LedgerError("CORRUPT", "the ticket was not made with the ledger's key");
  rules.refuseSpent(row, number(row.now));
  const entry = await engine.read(() => rules.ticketedRow(entryId));
  if (textOr(entry.principal) !== principal)
    throw new LedgerError("CORRUPT", "the ticket is for another principal's entry");
  await proveEntries(keyring, [entry]);
  return { row, entry };
}

export async function redeem(
  ledger: LedgerAccess,
  ticket: string,
  { owner, leaseMs = defaultLeaseMs }: RedeemOptions,
): Promise<HeldClaim> {
  if (typeof owner !== "string" || owner === "") throw new TypeError('"owner" must say who answers');
  const lease = { owner, leaseMs: spanOf(leaseMs, "leaseMs") };
  return await traced(
    "claim",
    () => ({ owner }),
    async () => {
      const { row, entry } = await findTicket(ledger, ticket);
      const claimed = await ledger.write("claim", () => rules.redeem(row, entry, lease));
      return new HeldClaim(ledger, { ...claimed, ...lease }, { id: text(row.id), expiresAt: number(row.expires_at) });
    },
    tracedClaim,
  );
}
