/**
 * A sign-in from a click to an answer, in one browser. What begins is on disk before the browser is shown where to go.
 *
 *     none -> flow             "Sign in": claimed, a kept grant tried first, the flow stashed with its `state` as tag
 *     flow -> unconfirmed      the browser came back, and it is the one that began; the grant is stashed, not kept
 *     unconfirmed -> answered  the person says that it is the right account: the grant is kept, the answer written
 *     unconfirmed -> none      it is another account: revoked, and nothing of it stays
 *     flow -> none             the authorization server refused
 */
import { OAuthError } from "../base/errors.js";
import { isRecord } from "../base/record.js";
import type { Claim } from "../ledger/index.js";
import {
  beginCode,
  type Client,
  type CodeFlow,
  chooseClient,
  chooseScope,
  discover,
  finishCode,
  type Grant,
  type OAuthOptions,
  type OAuthRequest,
  parseClient,
  parseFlow,
  renew,
  revoke,
} from "../oauth/index.js";
import type { Work } from "./desk.js";
import type { InboxOAuth } from "./options.js";

/** What a sign-in needs to know of the inbox. */
export interface SignIns {
  readonly oauth: InboxOAuth;
  readonly redirectUri: string;
  /** Clients that were registered for it, by their issuers. */
  readonly clients: Map<string, Client>;
}

const netOf = ({ fetch, timeoutMs, allowHttp }: InboxOAuth): OAuthOptions => ({ fetch, timeoutMs, allowHttp });

/** Begins, or finds that nobody has to. `tryKept` is for whoever may use what is kept for the principal. */
export async function begin(
  signIns: SignIns,
  work: Work,
  { tryKept }: { tryKept: boolean },
): Promise<{ kept: Grant } | { flow: CodeFlow }> {
  const { claim, browser } = work;
  const request = await claim.request();
  if (request.kind !== "mcp.oauth_required") throw new TypeError("it is no request for a token");
  const { oauth } = signIns;
  let before: Grant | undefined;
  if (tryKept) {
    const renewal = await renew({ request: async () => request, grant: (held) => claim.grant(held) }, netOf(oauth));
    if (renewal.how !== "person") return { kept: renewal.grant };
    before = renewal.before;
  }
  const flow = await newFlow(signIns, request, before);
  await claim.stash({ ...flow, browser }, { tag: flow.state });
  work.stage = { at: "flow", flow };
  return { flow };
}

async function newFlow(signIns: SignIns, request: OAuthRequest, before: Grant | undefined): Promise<CodeFlow> {
  const { oauth, redirectUri, clients } = signIns;
  const net = netOf(oauth);
  const authority = await discover(request, net);
  const same = before?.issuer === authority.issuer && before.resource === authority.resource ? before : undefined;
  const { register, registered: known = [], ...ways } = oauth;
  const registered = known.find(({ issuer }) => issuer === authority.issuer) ?? clients.get(authority.issuer);
  const client = await chooseClient(request, authority, {
    ...ways,
    registered,
    register: register === false ? undefined : { name: "latchkey", ...register, redirectUris: [redirectUri] },
  });
  // It is registered for this redirect URI; whoever clicks again is not registered again.
  if (client.source === "dynamic") clients.set(authority.issuer, parseClient(client));
  return await beginCode(authority, client, {
    ...net,
    ...{ redirectUri, scope: chooseScope(request, authority, same), before: same },
  });
}

/** What the stash of a claim says of a sign-in that another process, or an earlier life of this one, began. */
export async function stashedFlow(claim: Claim): Promise<{ flow: CodeFlow; browser: string | undefined } | undefined> {
  const value = await claim.stashed();
  if (!isRecord(value) || value.type !== "code-flow") return undefined;
  const flow = parseFlow(value);
  if (flow.type !== "code-flow") return undefined;
  return { flow, browser: typeof value.browser === "string" ? value.browser : undefined };
}

/**
 * Ends the flow by the address that the browser came back to. The grant is on disk, under seal, before anybody is asked about it; under a
 * name of its own, so that no broker takes it for one that is wanted.
 */
export async function takeBack({ oauth }: SignIns, work: Work, flow: CodeFlow, callbackUrl: string): Promise<Grant> {
  const { claim, browser } = work;
  let grant: Grant;
  try {
    grant = await finishCode(flow, callbackUrl, netOf(oauth));
  } catch (error) {
    if (!isStray(error)) await drop(work);
    throw error;
  }
  try {
    await claim.stash({ type: "unconfirmed-grant", browser, grant });
  } catch (error) {
    await revoke(grant, netOf(oauth)).catch(() => false);
    throw error;
  }
  work.stage = { at: "unconfirmed", grant };
  return grant;
}

/** The address is of another sign-in, or made up: this one can still be ended by its own. */
const isStray = (error: unknown): boolean =>
  error instanceof OAuthError && (error.code === "STATE_MISMATCH" || error.code === "ISSUER_MISMATCH");

/** Keeps what was confirmed for the principal. */
export async function keepGrant({ claim }: Work, grant: Grant): Promise<void> {
  await using held = await claim.grant();
  await held.keep(grant);
}

/** Forgets what was not confirmed. Whether its authorization server took it back. */
export async function refuse({ oauth }: SignIns, work: Work, grant: Grant): Promise<boolean> {
  await drop(work);
  return await revoke(grant, netOf(oauth)).catch(() => false);
}

async function drop(work: Work): Promise<void> {
  work.stage = undefined;
  await work.claim.stash(undefined);
}

export const revokeOf = (oauth: InboxOAuth, grant: Grant): Promise<boolean> => revoke(grant, netOf(oauth));
