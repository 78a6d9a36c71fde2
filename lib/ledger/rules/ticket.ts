/**
 * A bearer right to answer one entry.
 *
 *     good -> used      the entry is answered or cancelled through it
 *     good -> expired   its time is over
 *
 * A claim that it gave leaves it good when it is released, or ends with its lease. While that claim lives nobody else gets one, for at most
 * one claim is on a credential.
 */
import { LedgerError } from "../../base/errors.js";
import { drawFence, first, later, lock, number, type Row, type Rule, rows, text, textOr } from "../engine/engine.js";
import type { State } from "../states.js";
import { type Claimed, claimed, type Lease, openEntries } from "./claim.js";
import { entryRow, presentState, receipt, rowState } from "./move.js";
import { refuseChanged } from "./pointer.js";
import { usedTicket } from "./use-ticket.js";

export interface TicketDraft {
  readonly id: string;
  readonly digest: string;
  /** Proves that somebody who has the principal's key made it. */
  readonly mac: string;
  /** The entry as its seal was opened. */
  readonly entry: Row;
  readonly expiresAt: number;
  readonly by: string | undefined;
}

export function* makeTicket(draft: TicketDraft): Rule<void> {
  const now = yield* lock(text(draft.entry.credential));
  const id = text(draft.entry.id);
  const entry = yield* entryRow(id);
  refuseChanged(draft.entry, entry);
  const state = yield* presentState(entry, now);
  if (state !== "open") throw closed(state);
  if (draft.expiresAt <= now) throw new LedgerError("EXPIRED", '"expiresAt" is over already');
  yield* rows(
    `INSERT INTO @tickets (id, digest, entry, principal, mac, made_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    draft.id,
    draft.digest,
    id,
    textOr(entry.principal) ?? null,
    draft.mac,
    draft.by ?? null,
    now,
    draft.expiresAt,
  );
  yield* later(receipt(entry, "open", now, { by: draft.by, ticket: draft.id, event: "ticket" }));
}

/** The entry waits for no answer any more. */
const closed = (state: State): LedgerError =>
  state === "expired"
    ? new LedgerError("EXPIRED", "the entry's time is over")
    : new LedgerError("CONFLICT", `the entry is ${state} and takes no answer`);

/** A ticket and the time; `only` is the principal that the ledger is open for. */
export function* ticketRow(digest: string, only: string | undefined): Rule<Row> {
  const row = yield* first(
    `SELECT t.*, {now} AS now FROM @tickets t WHERE t.digest = ? ${only === undefined ? "" : "AND t.principal = ?"}`,
    digest,
    ...(only === undefined ? [] : [only]),
  );
  if (row === undefined) throw unknownTicket();
  return row;
}

/** Its entry. One that was pruned took its tickets along. */
export function* ticketedRow(id: string): Rule<Row> {
  const row = yield* first("SELECT * FROM @entries WHERE id = ?", id);
  if (row === undefined) throw unknownTicket();
  return row;
}

const unknownTicket = (): LedgerError => new LedgerError("UNKNOWN_TICKET", "the ledger knows no such ticket");

/** @throws LedgerError `USED_TICKET`, `EXPIRED` */
export function refuseSpent(ticket: Row, now: number): void {
  if (ticket.used_at != null) throw usedTicket();
  if (number(ticket.expires_at) <= now) throw new LedgerError("EXPIRED", "the ticket's time is over");
}

/** Claims the ticket's entry. Both are given as they were proven. */
export function* redeem(ticket: Row, proven: Row, { owner, leaseMs }: Lease): Rule<Claimed> {
  const credential = text(proven.credential);
  const id = text(proven.id);
  const now = yield* lock(credential);
  const known = yield* first("SELECT used_at, expires_at FROM @tickets WHERE id = ?", text(ticket.id));
  if (known === undefined) throw unknownTicket();
  refuseSpent(known, now);
  refuseChanged(proven, yield* entryRow(id));
  const entry = (yield* openEntries(credential, now)).find((row) => row.id === id);
  if (entry === undefined) throw closed(rowState(yield* entryRow(id)));
  const row = yield* first("SELECT * FROM @credentials WHERE credential = ?", credential);
  if (row === undefined) throw new LedgerError("UNKNOWN_ENTRY", "the ledger does not know this credential");
  if (number(row.lease_until) > now) throw claimed(row);
  const fence = yield* drawFence();
  const until = Math.min(now + leaseMs, number(ticket.expires_at));
  yield* rows(
    "UPDATE @credentials SET owner = ?, lease_until = ?, fence = ? WHERE credential = ?",
    owner,
    until,
    fence,
    credential,
  );
  return { id, credential, fence, until, entries: [entry] };
}
