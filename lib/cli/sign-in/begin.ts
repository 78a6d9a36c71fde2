/** The beginning of a sign-in: authority, client, scopes, flow. The flow is stashed before anybody is shown it. */
import { OAuthError } from "../../base/errors.js";
import type { Claim, Ledger } from "../../ledger/index.js";
import {
  type Authority,
  beginCode,
  beginDevice,
  type Client,
  type CodeFlow,
  chooseClient,
  chooseScope,
  type DeviceFlow,
  discover,
  type Grant,
  type OAuthRequest,
  parseGrant,
} from "../../oauth/index.js";
import { redirectOn, type SignInOptions, usualPort } from "./options.js";

export interface Beginning {
  readonly ledger: Ledger;
  readonly claim: Claim;
  readonly request: OAuthRequest;
  readonly options: SignInOptions;
  readonly owner: string;
  readonly signal: AbortSignal;
  /** What was kept before. */
  readonly before: Grant | undefined;
  /** The flow that this one takes the place of. */
  readonly earlier: CodeFlow | DeviceFlow | undefined;
}

export async function beginInBrowser(beginning: Beginning, redirectUri: string): Promise<CodeFlow> {
  const { claim } = beginning;
  const { authority, before, scope, net } = await known(beginning);
  const client = await clientFor(beginning, authority, redirectUri);
  const flow = await beginCode(authority, client, { ...net, redirectUri, scope, before });
  await claim.stash(flow, { tag: flow.state });
  return flow;
}

export async function beginOnDevice(beginning: Beginning): Promise<DeviceFlow> {
  const { claim } = beginning;
  const { authority, before, scope, net } = await known(beginning);
  const redirectUri = redirectOn(usualPort);
  const client = await clientFor(beginning, authority, redirectUri);
  const begin = (as: Client): Promise<DeviceFlow> => beginDevice(authority, as, { ...net, scope, before });
  const flow = await begin(client).catch(async (error: unknown) => {
    // The authorization server does not know a client any more that was registered before.
    if (!isUnknownClient(error) || client.source !== "dynamic") throw error;
    const anew = { ...beginning, options: { ...beginning.options, newClient: true } };
    return await begin(await clientFor(anew, authority, redirectUri));
  });
  await claim.stash(flow);
  return flow;
}

const isUnknownClient = (error: unknown): boolean =>
  error instanceof OAuthError && (error.error === "invalid_client" || error.error === "unauthorized_client");

async function known({ request, options, signal, before }: Beginning) {
  const net = { ...options.net, signal };
  const authority = await discover(request, net);
  const same = before?.issuer === authority.issuer && before.resource === authority.resource ? before : undefined;
  return { authority, before: same, scope: chooseScope(request, authority, same), net };
}

const deviceCode = "urn:ietf:params:oauth:grant-type:device_code";

async function clientFor(beginning: Beginning, authority: Authority, redirectUri: string): Promise<Client> {
  const { request, options, signal } = beginning;
  const { registered, metadataUrl, privateKey } = options.client;
  const { grant_types_supported: supported } = authority.metadata;
  const grantTypes = ["authorization_code", "refresh_token", ...(supported?.includes(deviceCode) ? [deviceCode] : [])];
  return await chooseClient(request, authority, {
    ...options.net,
    ...{ signal, metadataUrl, privateKey },
    registered: registered ?? (await keptClient(beginning, authority, redirectUri)),
    register: { redirectUris: [redirectUri], name: options.clientName, grantTypes },
  });
}

/**
 * The client that was registered with this authorization server before. It lies with what came of it: in the flow or the grant of this
 * need, else in another grant of the same server. One that was registered for another redirect URI is of no use.
 */
async function keptClient(
  { ledger, request, options, owner, before, earlier, signal }: Beginning,
  { issuer, metadata }: Authority,
  redirectUri: string,
): Promise<Client | undefined> {
  const document = options.client.metadataUrl !== undefined && metadata.client_id_metadata_document_supported === true;
  if (options.newClient || document || request.data.staticClientConfig?.clientId !== undefined) return undefined;
  const isUsable = (client: Client | undefined): client is Client =>
    client?.source === "dynamic" &&
    client.issuer === issuer &&
    client.redirectUris?.includes(redirectUri) === true &&
    Date.parse(client.expiresAt ?? "9999") > Date.now();
  const near = [earlier?.client, before?.client].find(isUsable);
  if (near !== undefined) return near;
  const { principal } = request;
  for (const { id, issuer: whose } of await ledger.grants(principal === undefined ? {} : { principal })) {
    if (whose !== issuer) continue;
    // Whoever holds it now is about to refresh: that is not waited for.
    await using held = await ledger.holdGrant(id, { owner, waitMs: 0, signal }).catch(() => undefined);
    const client = held?.grant === undefined ? undefined : parseGrant(held.grant).client;
    if (isUsable(client)) return client;
  }
  return undefined;
}
