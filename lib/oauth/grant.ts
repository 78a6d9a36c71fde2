import * as oauth from "oauth4webapi";
import { OAuthError } from "../base/errors.js";
import type { AnswerOf } from "../pending/index.js";
import { authenticationOf } from "./authentication.js";
import { type BeginOptions, begin } from "./begin.js";
import { jsonObjectOf, refusalIn } from "./refusal.js";
import { type Authority, type Client, type Grant, parseAuthority, parseGrant, serverOf } from "./shapes.js";
import { askForToken, grantOf } from "./token.js";
import { tracedStep } from "./traced.js";
import { type OAuthOptions, transport } from "./transport.js";

/**
 * A token for the client itself (RFC 6749 section 4.4); no person is asked.
 * @throws OAuthError `ISSUER_CHANGED`; what the token endpoint can cause
 * @example
 * ```ts
 * import { type Authority, type Client, clientCredentials, toAnswer } from "latchkey/oauth";
 *
 * export async function answerFor(authority: Authority, client: Client) {
 *   return toAnswer(await clientCredentials(authority, client, { scope: ["files:read"] }));
 * }
 * ```
 */
export function clientCredentials(
  authority: Authority,
  client: Client,
  options: BeginOptions & OAuthOptions = {},
): Promise<Grant> {
  return tracedStep(
    "clientCredentials",
    () => ({ issuer: authority.issuer, resource: authority.resource }),
    () => tokenOfClient(authority, client, options),
  );
}

async function tokenOfClient(
  authority: Authority,
  client: Client,
  options: BeginOptions & OAuthOptions,
): Promise<Grant> {
  // There is nobody who could be offline (RFC 6749 section 4.4.3).
  const scope = options.scope?.filter((word) => word !== "offline_access");
  const { begun } = begin(authority, client, { ...options, scope });
  if (begun.client.authMethod === "none") throw new TypeError("a public client has no credentials to ask with");
  const answer = await askForToken(
    begun,
    (server, asClient, authentication, { additionalParameters: _, ...request }) =>
      oauth.clientCredentialsGrantRequest(server, asClient, authentication, parametersFor(begun), request),
    options,
  );
  return grantOf(answer, begun);
}

/** `resource`, and `scope` where there is one. */
export const parametersFor = ({ resource, scope }: { resource: string; scope: string[] }): Record<string, string> => ({
  ...{ resource },
  ...(scope.length === 0 ? {} : { scope: scope.join(" ") }),
});

/** Options of `refresh`. */
export interface RefreshOptions extends OAuthOptions {
  /** What `discover` says now. A grant of another authorization server or resource is refused before anything is sent. */
  authority?: Authority | undefined;
}

/**
 * A new access token for a refresh token (RFC 6749 section 6), and often a new refresh token, which then alone is good. One POST,
 * never repeated: a server that rotates takes a second use for theft. Keep the result before you use it.
 * @throws OAuthError `REFUSED` with `invalid_grant` when the person has to sign in again; `UNREACHABLE`, whose `sent` tells whether the
 * refresh token may be spent; `ISSUER_CHANGED`
 * @example
 * ```ts
 * import { OAuthError, parseGrant, refresh } from "latchkey/oauth";
 *
 * export async function renewed(kept: string) {
 *   try {
 *     return await refresh(parseGrant(kept));
 *   } catch (error) {
 *     if (error instanceof OAuthError && error.error === "invalid_grant") return undefined; // sign in again
 *     throw error;
 *   }
 * }
 * ```
 */
export function refresh(given: Grant, options: RefreshOptions = {}): Promise<Grant> {
  return tracedStep(
    "refresh",
    () => ({ issuer: given.issuer, resource: given.resource }),
    () => refreshed(given, options),
  );
}

async function refreshed(given: Grant, options: RefreshOptions): Promise<Grant> {
  const grant = bound(given, options.authority);
  const { refreshToken, requested: scope } = grant;
  if (refreshToken === undefined) throw new TypeError("the grant has no refresh token");
  const answer = await askForToken(
    grant,
    (server, client, authentication, request) =>
      oauth.refreshTokenGrantRequest(server, client, authentication, refreshToken, request),
    options,
  );
  return grantOf(answer, { ...grant, scope }, grant);
}

/** The grant, with the authority's present endpoints, when it is one of that authority. */
function bound(given: Grant, authority: Authority | undefined): Grant {
  const grant = parseGrant(given);
  const now = authority && parseAuthority(authority);
  const issuers = [grant.client.issuer, grant.server.issuer, ...(now ? [now.issuer, now.metadata.issuer] : [])];
  if (issuers.some((issuer) => issuer !== grant.issuer) || (now && now.resource !== grant.resource))
    throw new OAuthError("ISSUER_CHANGED", "client", "the grant belongs to another authorization server or resource");
  return now ? { ...grant, server: serverOf(now.metadata) } : grant;
}

/**
 * Signs out at the authorization server (RFC 7009): ends the refresh token, and with it what came of it, else the access token.
 * False when the server has no endpoint for that.
 * @throws OAuthError `REFUSED`, `UNREACHABLE`
 */
export function revoke(given: Grant, options: OAuthOptions = {}): Promise<boolean> {
  return tracedStep(
    "revoke",
    () => ({ issuer: given.issuer, resource: given.resource }),
    () => revoked(given, options),
  );
}

async function revoked(given: Grant, options: OAuthOptions): Promise<boolean> {
  const { server, client, resource, refreshToken, accessToken } = bound(given, undefined);
  if (server.revocation_endpoint === undefined) return false;
  const response = await oauth.revocationRequest(
    server,
    { client_id: client.clientId },
    await authenticationOf(client),
    refreshToken ?? accessToken,
    {
      [oauth.customFetch]: transport(resource, "revocation", options),
      [oauth.allowInsecureRequests]: true,
      additionalParameters: { token_type_hint: refreshToken === undefined ? "access_token" : "refresh_token" },
    },
  );
  // A body is not asked for; a token that the server does not know is as good as revoked, and it says so with 200.
  if (response.status === 200 || response.status === 204) return true;
  throw refusalIn(response.status, await jsonObjectOf(response), "revocation") ?? invalid(response.status);
}

const invalid = (status: number): OAuthError =>
  new OAuthError("INVALID_RESPONSE", "revocation", `the authorization server answered with the status ${status}`, {
    status,
  });

/**
 * What the runtime is answered: the access token alone, and how many seconds it still lives, at least one.
 * @throws OAuthError `EXPIRED` when it lives for less than a second, or not any more: `refresh` it first
 * @example
 * ```ts
 * import type { Claim } from "latchkey/ledger";
 * import { type Grant, toAnswer } from "latchkey/oauth";
 *
 * export async function give(claim: Claim<"mcp.oauth_required">, grant: Grant): Promise<void> {
 *   await claim.answer(toAnswer(grant), grant.account === undefined ? {} : { account: grant.account });
 * }
 * ```
 */
export function toAnswer(given: Grant): Extract<AnswerOf<"mcp.oauth_required">, { kind: "token" }> {
  const { accessToken, tokenType, expiresAt } = parseGrant(given);
  if (expiresAt === undefined) return { kind: "token", accessToken, tokenType };
  const expiresIn = Math.floor((Date.parse(expiresAt) - Date.now()) / 1000);
  if (expiresIn < 1) throw new OAuthError("EXPIRED", "token", "the time of the access token is over");
  return { kind: "token", accessToken, tokenType, expiresIn };
}
