/**
 * A broker of two processes, as tests/oauth/ starts them. `begin` claims a request, begins a flow and stashes it; the program ends. `finish` is
 * another process that claims by the callback's `state`, takes the flow from the stash and answers. What outlives a request (clients by
 * issuer, grants by resource) is in a file of its own.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Claim, openLedger } from "latchkey/ledger";
import {
  type Authority,
  assertion,
  beginCode,
  chooseClient,
  chooseScope,
  clientCredentials,
  discover,
  exchange,
  finishCode,
  type Grant,
  parseClient,
  parseFlow,
  parseGrant,
  type RegisteredClient,
  toAnswer,
} from "latchkey/oauth";
import * as v from "valibot";
import { given, say } from "../support/world/program.js";

const context = v.looseObject({
  client_id: v.optional(v.string()),
  client_secret: v.optional(v.string()),
  private_key_pem: v.optional(v.string()),
  signing_algorithm: v.optional(v.string()),
  issuer: v.optional(v.string()),
  idp_client_id: v.optional(v.string()),
  idp_id_token: v.optional(v.string()),
  idp_issuer: v.optional(v.string()),
  idp_token_endpoint: v.optional(v.string()),
  jwt: v.optional(v.string()),
});
const options = given(
  v.object({
    role: v.picklist(["begin", "finish"]),
    ledger: v.string(),
    keep: v.string(),
    /** How a token is obtained. */
    how: v.picklist(["code", "client-credentials", "enterprise", "assertion"]),
    context,
    metadataUrl: v.optional(v.string()),
    callback: v.optional(v.string()),
  }),
);
const redirectUri = "http://localhost:3000/callback";

type OAuthClaim = Claim<"mcp.oauth_required">;
interface Kept {
  clients: Record<string, unknown>;
  grants: Record<string, unknown>;
}

const kept: Kept = existsSync(options.keep)
  ? JSON.parse(readFileSync(options.keep, "utf8"))
  : { clients: {}, grants: {} };
const keep = (): void => writeFileSync(options.keep, JSON.stringify(kept), { mode: 0o600 });

function registered(): RegisteredClient | undefined {
  const { client_id, client_secret, private_key_pem, signing_algorithm, issuer } = options.context;
  if (client_id === undefined) return undefined;
  return {
    ...{ clientId: client_id, clientSecret: client_secret, issuer },
    ...(private_key_pem === undefined
      ? {}
      : { privateKey: { pem: private_key_pem, alg: signing_algorithm ?? "ES256" } }),
  };
}

async function clientFor(claim: OAuthClaim, authority: Authority) {
  const known = kept.clients[authority.issuer];
  if (known !== undefined) return parseClient(known);
  const client = await chooseClient(await claim.request(), authority, {
    registered: registered(),
    metadataUrl: options.metadataUrl,
    register: { redirectUris: [redirectUri], name: "latchkey's tests" },
  });
  kept.clients[authority.issuer] = client;
  return client;
}

async function answer(claim: OAuthClaim, grant: Grant): Promise<void> {
  kept.grants[grant.resource] = grant;
  keep();
  await claim.answer(toAnswer(grant), { account: grant.account });
}

async function begin(claim: OAuthClaim): Promise<string | undefined> {
  const request = await claim.request();
  const authority = await discover(request);
  const client = await clientFor(claim, authority);
  keep();
  const earlier = kept.grants[authority.resource];
  const before = earlier === undefined ? undefined : parseGrant(earlier);
  const scope = chooseScope(request, authority, before);
  if (options.how === "code") {
    const flow = await beginCode(authority, client, { redirectUri, scope, before });
    await claim.stash(flow, { tag: flow.state });
    return flow.url;
  }
  await answer(claim, await withoutPerson(authority, client, scope));
  return undefined;
}

async function withoutPerson(authority: Authority, client: ReturnType<typeof parseClient>, scope: string[]) {
  if (options.how === "client-credentials") return clientCredentials(authority, client, { scope });
  const { idp_issuer = "", idp_client_id = "", idp_id_token = "", idp_token_endpoint, jwt } = options.context;
  const provider = { issuer: idp_issuer, clientId: idp_client_id, tokenEndpoint: idp_token_endpoint };
  const signed = jwt ?? (await exchange(authority, provider, { subjectToken: idp_id_token, scope })).assertion;
  return assertion(authority, client, { scope, assertion: signed });
}

async function finish(claim: OAuthClaim): Promise<void> {
  const flow = parseFlow(await claim.stashed());
  if (flow.type !== "code-flow") throw new Error("another flow");
  await claim.stash(undefined);
  await answer(claim, await finishCode(flow, options.callback ?? ""));
}

await using ledger = await openLedger(options.ledger);
/** The callback alone tells whose flow it ends. */
const state = options.callback === undefined ? undefined : new URL(options.callback).searchParams.get("state");
await using claim = await ledger.claim(
  { kind: "mcp.oauth_required", ...(state && { tag: state }) },
  { owner: options.role },
);
try {
  if (claim === undefined) throw Object.assign(new Error("nobody waits for it"), { code: "STATE_MISMATCH" });
  const url = options.role === "begin" ? await begin(claim) : await finish(claim);
  await say({ type: "done", ...(url === undefined ? {} : { url }) });
} catch (error) {
  await claim?.cancel({ reason: String(error) });
  await say({
    type: "refused",
    reason: String(error),
    code: error instanceof Error && "code" in error ? error.code : "",
  });
}
