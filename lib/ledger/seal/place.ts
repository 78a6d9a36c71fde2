/**
 * Where a sealed value belongs and what lies beside it. A seal covers both: one that was moved to another row does not open, and
 * neither does one whose row says something else than when it was sealed.
 *
 * Covered is what never changes once it is written. Not covered is what changes lawfully, and what only the database knows: state,
 * outcome, endpoint, epoch, successor, leases, fences, times by its clock. None of it says where an answer goes.
 */
import { number, numberOr, type Row, text, textOr } from "../engine/engine.js";

export interface Place {
  readonly name: string;
  readonly principal: string | undefined;
  readonly covers: readonly (string | number | null)[];
}

/** What tells whose a row is and what one answer may serve. Rows that point to each other must agree in it. */
export interface Owned {
  readonly credential: string;
  readonly principal: string | undefined;
}

export const ownedBy = (row: Row): Owned => ({ credential: text(row.credential), principal: textOr(row.principal) });

export const entryPlace = (row: Row): Place => ({
  name: `entry/${text(row.id)}`,
  principal: textOr(row.principal),
  covers: [
    text(row.kind),
    text(row.session_id),
    text(row.request_id),
    textOr(row.principal) ?? null,
    text(row.received_at),
    text(row.data),
    text(row.intent),
    text(row.credential),
    row.expires_at == null ? null : number(row.expires_at),
    textOr(row.anchor) ?? null,
    // Entries of format 3 have none, and seals that do not count it.
    ...(row.traceparent == null ? [] : [text(row.traceparent)]),
  ],
});

export const answerPlace = (row: Row): Place => ({
  name: `answer/${text(row.credential)}/${text(row.id)}`,
  principal: textOr(row.principal),
  covers: [textOr(row.principal) ?? null, number(row.shared), textOr(row.account) ?? null],
});

export const stashPlace = ({ credential, principal }: Owned): Place => ({
  name: `stash/${credential}`,
  principal,
  covers: [principal ?? null],
});

export const grantPlace = (row: Row): Place => ({
  name: `grant/${text(row.id)}`,
  principal: textOr(row.principal),
  covers: [
    text(row.grant_key),
    ...[row.principal, row.session_id].map((value) => textOr(value) ?? null),
    text(row.server),
    ...[row.client, row.issuer, row.scope, row.account].map((value) => textOr(value) ?? null),
    ...[row.expires_at, row.obtained_at].map((value) => numberOr(value) ?? null),
  ],
});

/** That a ledger knows a key: its own, or a principal's. */
export const proofPlace = (principal: string | undefined): Place => ({
  name: principal === undefined ? "proof" : `proof/${principal}`,
  principal,
  covers: [],
});
