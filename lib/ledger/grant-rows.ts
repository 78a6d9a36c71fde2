import { isRecord } from "../base/record.js";
import { redactText } from "../base/redact.js";
import type { GrantReceipt, GrantState, ListedGrant } from "./contract/grants.js";
import { number, numberOr, type Row, text, textOr, type Value } from "./engine/engine.js";
import { jsonOf } from "./json.js";
import type { Kept } from "./rules/grant.js";
import { grantEvents, grantStates } from "./rules/grants.js";
import type { Keyring } from "./seal/keyring.js";
import { grantPlace } from "./seal/place.js";

const textIn = (value: unknown): string | null => (typeof value === "string" ? value : null);

function momentIn(value: unknown): number | null {
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** Seals a grant with what of it people may see beside. It is the broker's own JSON: what is not of the shape of an OAuth grant is not shown. */
export async function sealGrant(keyring: Keyring, row: Row, grant: unknown): Promise<Kept> {
  const value = jsonOf(grant, "grant");
  if (!isRecord(value)) throw new TypeError("a grant is a JSON object");
  const { scope } = value;
  const issuer = textIn(value.issuer);
  const shown: Record<string, Value> = {
    client: textIn(value.clientId) ?? textOr(row.client) ?? null,
    issuer: issuer === null ? null : redactText(issuer),
    scope: Array.isArray(scope) ? scope.filter((word) => typeof word === "string").join(" ") : null,
    account: textIn(value.account),
    expires_at: momentIn(value.expiresAt),
    obtained_at: momentIn(value.obtainedAt),
  };
  return { sealed: await keyring.seal(grantPlace({ ...row, ...shown }), value), shown };
}

/** What a row keeps; undefined where it keeps nothing. */
export const openGrant = async (keyring: Keyring, row: Row): Promise<unknown> =>
  row.sealed == null ? undefined : await keyring.open(grantPlace(row), text(row.sealed));

export function grantStateOf(value: unknown): GrantState {
  const found = grantStates.find((known) => known === value);
  if (found === undefined) throw new TypeError("the ledger holds a state of a grant that this latchkey does not know");
  return found;
}

function holderOf(row: Row): Pick<ListedGrant, "holder"> {
  const owner = textOr(row.owner);
  const until = number(row.lease_until);
  return owner === undefined || until <= number(row.now)
    ? {}
    : { holder: { owner, fence: number(row.fence), until: new Date(until) } };
}

/** The optional fields of a row, those left out that it does not have. */
function present<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> };
function present(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const dateOr = (value: unknown): Date | undefined => {
  const at = numberOr(value);
  return at === undefined ? undefined : new Date(at);
};

export const listedGrant = (row: Row): ListedGrant => ({
  id: text(row.id),
  ...present({ principal: textOr(row.principal), sessionId: textOr(row.session_id) }),
  server: text(row.server),
  ...present({ client: textOr(row.client), issuer: textOr(row.issuer) }),
  scope: (textOr(row.scope) ?? "").split(" ").filter((word) => word !== ""),
  ...present({ account: textOr(row.account), expiresAt: dateOr(row.expires_at), obtainedAt: dateOr(row.obtained_at) }),
  state: grantStateOf(row.state),
  createdAt: new Date(number(row.created_at)),
  updatedAt: new Date(number(row.updated_at)),
  ...holderOf(row),
});

export function grantReceiptOf(row: Row): GrantReceipt {
  const event = grantEvents.find((known) => known === row.event);
  if (event === undefined) throw new TypeError("the ledger holds an event of a grant that this latchkey does not know");
  return {
    ...{ seq: number(row.seq), grant: text(row.entry), at: new Date(number(row.at)), event },
    ...present({ by: textOr(row.done_by), fence: numberOr(row.fence), reason: textOr(row.reason) }),
  };
}
