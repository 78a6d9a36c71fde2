import { type PendingRequest, parsePendingRequest } from "../pending/index.js";
import { actors } from "../pending/internal.js";
import type { Entry, Receipt } from "./contract.js";
import { number, numberOr, type Row, text, textOr } from "./engine/engine.js";
import { type Outcome, outcomes, type State, states } from "./states.js";

/** The columns that make an entry, `sealed` left out: reading entries never touches what is sealed. */
export const entryColumns = [
  "id",
  "kind",
  "session_id",
  "request_id",
  "endpoint",
  "principal",
  "received_at",
  "data",
  "intent",
  "credential",
  "epoch",
  "anchor",
  "traceparent",
  "state",
  "outcome",
  "account",
  "successor",
  "created_at",
  "updated_at",
  "expires_at",
]
  .map((column) => `e.${column}`)
  .join(", ");

/** The claim on an open entry's credential, live or not, from `@credentials c`. */
export const claimColumns = "c.owner AS claim_owner, c.fence AS claim_fence, c.lease_until AS claim_until";

/** Present while the claim lives by the clock of the query that read it. */
function claimOf(row: Row): Pick<Entry, "claim"> {
  const owner = textOr(row.claim_owner);
  const until = numberOr(row.claim_until);
  if (owner === undefined || until === undefined || until <= number(row.now)) return {};
  return { claim: { owner, fence: number(row.claim_fence), until: new Date(until) } };
}

export function stateOf(value: unknown): State {
  const found = states.find((known) => known === value);
  if (found === undefined) throw new TypeError("the ledger holds a state that this latchkey does not know");
  return found;
}

const actorOr = (value: unknown): Receipt["actor"] => actors.find((known) => known === value);
const outcomeOr = (value: unknown): Outcome | undefined => outcomes.find((known) => known === value);

/** The request as it was recorded; its secrets, where they were unsealed, are checked like those of an event. */
export function requestOf(row: Row, secrets: unknown = {}): PendingRequest {
  const endpoint = textOr(row.endpoint);
  const principal = textOr(row.principal);
  const stored = {
    v: 1,
    kind: row.kind,
    sessionId: row.session_id,
    requestId: row.request_id,
    ...(endpoint !== undefined && { endpoint }),
    receivedAt: row.received_at,
    data: JSON.parse(text(row.data)),
  };
  if (typeof secrets !== "object" || secrets === null) throw new TypeError("unsealed secrets must be an object");
  const request = parsePendingRequest(stored, { secrets });
  // Format 1 took blank names of principals, which nobody can give any more.
  return principal === undefined ? request : { ...request, principal };
}

/** Open although its time is over: shown as `expired`, and moved there by the next who writes. */
export const isDue = (row: Row, now: number): boolean =>
  row.state === "open" && row.expires_at != null && number(row.expires_at) <= now;

/** An entry as it is at the time of the query that read it. */
export const presentEntry = (row: Row): Entry =>
  entryOf(isDue(row, number(row.now)) ? { ...row, state: "expired", claim_owner: null } : row);

export function entryOf(row: Row): Entry {
  const { secrets: _, ...request } = requestOf(row);
  const outcome = outcomeOr(row.outcome);
  const epoch = textOr(row.epoch);
  const anchor = textOr(row.anchor);
  const traceparent = textOr(row.traceparent);
  const account = textOr(row.account);
  const successor = textOr(row.successor);
  const expiresAt = numberOr(row.expires_at);
  return {
    ...request,
    id: text(row.id),
    state: stateOf(row.state),
    ...(outcome !== undefined && { outcome }),
    intent: text(row.intent),
    credential: text(row.credential),
    ...(epoch !== undefined && { epoch }),
    ...(anchor !== undefined && { anchor }),
    ...(traceparent !== undefined && { traceparent }),
    ...(account !== undefined && { account }),
    ...(successor !== undefined && { successor }),
    createdAt: new Date(number(row.created_at)),
    updatedAt: new Date(number(row.updated_at)),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
    ...claimOf(row),
  };
}

/** What happens to an entry without moving it. */
const receiptEvents = ["ticket", "telling", "told", "not-told"] as const;

export function receiptOf(row: Row): Receipt {
  const outcome = outcomeOr(row.outcome);
  const by = textOr(row.done_by);
  const fence = numberOr(row.fence);
  const reason = textOr(row.reason);
  const actor = actorOr(row.actor);
  const ticket = textOr(row.ticket);
  const event = receiptEvents.find((known) => known === row.event);
  return {
    seq: number(row.seq),
    entry: text(row.entry),
    at: new Date(number(row.at)),
    state: stateOf(row.state),
    ...(outcome !== undefined && { outcome }),
    ...(by !== undefined && { by }),
    ...(fence !== undefined && { fence }),
    ...(reason !== undefined && { reason }),
    ...(actor !== undefined && { actor }),
    ...(ticket !== undefined && { ticket }),
    ...(event !== undefined && { event }),
  };
}
