import { createHash, randomBytes } from "node:crypto";
import type { Tokens } from "./grants.js";

/** What `mcp.oauth_required` says that an OAuth client needs. */
export interface Demand {
  readonly serverUrl: string;
  readonly resourceMetadata?: string | undefined;
  readonly staticClientConfig?: { readonly clientId: string } | undefined;
  readonly wwwAuthenticateParams?:
    | { readonly scope?: string | undefined; readonly resourceMetadataUrl?: string | undefined }
    | undefined;
}

interface Endpoints {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
}

const redirectUri = "http://127.0.0.1/callback";

/** The whole code flow with PKCE as a browser and a client would walk it: discovery, consent, exchange. */
export async function obtainToken(demand: Demand): Promise<Tokens> {
  const { endpoints, resource } = await discover(demand);
  const clientId = clientOf(demand);
  const verifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("base64url");
  const authorize = new URL(endpoints.authorization_endpoint);
  authorize.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: demand.wwwAuthenticateParams?.scope ?? "",
    resource,
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  }).toString();
  const consent = await fetch(authorize, { redirect: "manual" });
  const back = new URL(consent.headers.get("location") ?? "missing:").searchParams;
  const code = back.get("code");
  if (code === null || back.get("state") !== state || back.get("iss") !== endpoints.issuer)
    throw new Error(`no consent: ${consent.status} ${back}`);
  return exchange(endpoints, {
    grant_type: "authorization_code",
    code,
    client_id: clientId,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  });
}

export async function refreshTokens(demand: Demand, refreshToken: string): Promise<Tokens> {
  const { endpoints } = await discover(demand);
  return exchange(endpoints, {
    grant_type: "refresh_token",
    refresh_token: refreshToken,
    client_id: clientOf(demand),
  });
}

/** A token for the client itself (RFC 6749 section 4.4); nobody is asked for consent. */
export async function obtainMachineToken(demand: Demand, clientSecret: string): Promise<Tokens> {
  const { endpoints, resource } = await discover(demand);
  return exchange(endpoints, {
    grant_type: "client_credentials",
    client_id: clientOf(demand),
    client_secret: clientSecret,
    scope: demand.wwwAuthenticateParams?.scope ?? "",
    resource,
  });
}

/** The answer that a token becomes. */
export function tokenAnswer(tokens: Tokens) {
  return {
    kind: "token" as const,
    accessToken: tokens.access_token,
    tokenType: tokens.token_type,
    expiresIn: tokens.expires_in,
  };
}

async function discover(demand: Demand): Promise<{ endpoints: Endpoints; resource: string }> {
  const { resourceMetadata: given, wwwAuthenticateParams: { resourceMetadataUrl } = {} } = demand;
  // The fake runtime fetches no metadata itself.
  const text = given ?? (resourceMetadataUrl && (await (await fetch(resourceMetadataUrl)).text()));
  const metadata: { resource: string; authorization_servers: string[] } = JSON.parse(text ?? "{}");
  const issuer = metadata.authorization_servers?.[0];
  if (issuer === undefined) throw new Error(`no authorization server for ${demand.serverUrl}`);
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  const endpoints: Endpoints = JSON.parse(await response.text());
  return { endpoints, resource: metadata.resource };
}

async function exchange(endpoints: Endpoints, form: Record<string, string>): Promise<Tokens> {
  const response = await fetch(endpoints.token_endpoint, { method: "POST", body: new URLSearchParams(form) });
  const text = await response.text();
  if (!response.ok) throw new Error(`the token endpoint said ${response.status}: ${text}`);
  return JSON.parse(text);
}

function clientOf(demand: Demand): string {
  if (demand.staticClientConfig === undefined) throw new Error("the demand names no client");
  return demand.staticClientConfig.clientId;
}
