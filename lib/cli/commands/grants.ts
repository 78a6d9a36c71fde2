import type { Ledger, ListedGrant } from "../../ledger/index.js";
import { parseGrant, revoke } from "../../oauth/index.js";
import { age } from "../duration.js";
import { shortId } from "../entries.js";
import { exit, explainShort, Stop } from "../exit.js";
import { type Io, oneLine, paint, print, printJson } from "../io.js";
import { reachLedger } from "../reach.js";
import { table } from "../table.js";

interface Flags {
  ledger?: string | undefined;
  principal?: string | undefined;
  json?: boolean | undefined;
}

/** What is kept, without secrets. */
export async function grants(flags: Flags, io: Io): Promise<undefined> {
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const found = await allGrants(ledger, flags.principal);
  if (flags.json) for (const grant of found) await printJson(io.out, grant);
  else if (found.length === 0) await print(io.err, paint(io.err).dim("nobody has signed in"));
  else await print(io.out, grantTable(found, io));
}

async function allGrants(ledger: Ledger, principal?: string): Promise<ListedGrant[]> {
  const found: ListedGrant[] = [];
  let after: string | undefined;
  do {
    const page = await ledger.grants({ principal, after });
    found.push(...page);
    after = page.next;
  } while (after !== undefined);
  return found;
}

function grantTable(found: readonly ListedGrant[], { out }: Io): string {
  const rows = found.map(({ id, state, server, account, principal, sessionId, scope, expiresAt, issuer }) => [
    shortId(id),
    state,
    oneLine(server),
    oneLine(scope.join(" ")),
    oneLine(account ?? "-"),
    oneLine(principal ?? `session ${sessionId?.slice(0, 8)}`),
    left(expiresAt),
    oneLine(issuer ?? "-"),
  ]);
  const heads = ["ID", "STATE", "SERVER", "SCOPE", "ACCOUNT", "FOR", "TOKEN", "ISSUER"];
  return table(heads, rows, { width: out.columns, head: paint(out).dim, flexible: 3, stacked: [2, 3, 7] });
}

/** How long the access token still lives. */
function left(expiresAt: Date | undefined): string {
  if (expiresAt === undefined) return "-";
  return expiresAt.getTime() <= Date.now() ? "ended" : age(new Date(), expiresAt.getTime());
}

interface ForgetFlags extends Omit<Flags, "principal"> {
  local?: boolean | undefined;
  force?: boolean | undefined;
  by?: string | undefined;
  "allow-http"?: boolean | undefined;
}

/** Signs out: at the authorization server, and then here. */
export async function forget(id: string, flags: ForgetFlags, io: Io): Promise<undefined> {
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const grant = await findGrant(ledger, id);
  const by = flags.by ?? `latchkey grants forget ${process.pid}`;
  const revoked = flags.local ? false : await revokeHeld(ledger, grant.id, { by, flags, signal: io.signal });
  if (flags.local) await ledger.forget(grant.id, { by, reason: "signed out here", force: flags.force });
  if (flags.json) await printJson(io.out, { id: grant.id, revoked });
  else
    await print(io.out, `${shortId(grant.id)} forgotten${revoked ? ", and revoked at its authorization server" : ""}`);
  if (!revoked && !flags.local)
    await print(io.err, "its authorization server has no way to be told: the tokens live until they end there");
}

/** The refresh token is spent by this, so nobody may use it meanwhile. Nothing is forgotten that could not be revoked. */
async function revokeHeld(
  ledger: Ledger,
  id: string,
  { by, flags, signal }: { by: string; flags: ForgetFlags; signal: AbortSignal },
): Promise<boolean> {
  await using held = await ledger.holdGrant(id, { owner: by, signal });
  if (held.grant === undefined) return false;
  let revoked: boolean;
  try {
    revoked = await revoke(parseGrant(held.grant), { signal, allowHttp: flags["allow-http"] });
  } catch (error) {
    throw new Stop(
      exit.failed,
      `it could not be revoked, and is kept: ${explainShort(error)}; --local forgets it here alone`,
    );
  }
  await held.forget({ reason: revoked ? "signed out, and revoked" : "signed out" });
  return revoked;
}

/** The grant with this id, or with an id that begins so. */
async function findGrant(ledger: Ledger, id: string): Promise<ListedGrant> {
  const [exact] = await ledger.grants({ id });
  if (exact !== undefined) return exact;
  const found = id.length < 4 ? [] : (await allGrants(ledger)).filter((grant) => grant.id.startsWith(id));
  if (found.length > 1) throw new Stop(exit.nothing, `more than one grant begins with "${id}"`);
  if (found[0] === undefined) throw new Stop(exit.nothing, `no grant has the id "${id}"`);
  return found[0];
}
