/** The token endpoint: one POST, its answer, and the grant that it is. */
import * as oauth from "oauth4webapi";
import * as v from "valibot";
import { OAuthError } from "../base/errors.js";
import { isRecord } from "../base/record.js";
import { scopesIn } from "../base/scope.js";
import { accessToken as aloneInHeader, lifetime } from "../pending/internal.js";
import { authenticationOf } from "./authentication.js";
import { redacted } from "./redact.js";
import { jsonObjectOf, refusalIn } from "./refusal.js";
import type { Begun, Client, Grant, Server } from "./shapes.js";
import { type OAuthOptions, transport } from "./transport.js";

/** How the token endpoint is asked in one way of obtaining a token. */
type Ask = (
  server: oauth.AuthorizationServer,
  client: oauth.Client,
  authentication: oauth.ClientAuth,
  options: oauth.TokenEndpointRequestOptions,
) => Promise<Response>;

export interface TokenAnswer {
  readonly accessToken: string;
  readonly expiresIn?: number | undefined;
  readonly refreshToken?: string | undefined;
  readonly scope?: string[] | undefined;
  readonly account?: string | undefined;
  readonly issuedTokenType?: unknown;
}

/** Whom to ask, as which client, for which resource. */
export type Asked = Pick<Begun, "server" | "client" | "resource">;

/** One POST, never repeated. @throws OAuthError at the step "token". */
export async function askForToken(asked: Asked, ask: Ask, options: OAuthOptions): Promise<TokenAnswer> {
  const { server, client, resource } = asked;
  if (server.token_endpoint === undefined)
    throw new OAuthError("NO_ENDPOINT", "token", `"${server.issuer}" has no token endpoint`);
  const response = await ask(server, { client_id: client.clientId }, await authenticationOf(client), {
    [oauth.customFetch]: transport(resource, "token", options),
    [oauth.allowInsecureRequests]: true,
    additionalParameters: { resource },
  });
  return await readToken(response, server, client);
}

async function readToken(response: Response, server: Server, client: Client): Promise<TokenAnswer> {
  const { status } = response;
  const body = await jsonObjectOf(response);
  const refusal = refusalIn(status, body, "token");
  if (refusal !== undefined || body === undefined) throw refusal;
  const invalid = (why: string) => new OAuthError("INVALID_RESPONSE", "token", why, { status });
  let checked: oauth.TokenEndpointResponse;
  try {
    checked = await oauth.processGenericTokenEndpointResponse(
      server,
      { client_id: client.clientId },
      new Response(JSON.stringify(plain(body)), { headers: { "content-type": "application/json" } }),
      { recognizedTokenTypes: { n_a: () => undefined } },
    );
  } catch (error) {
    // Their cause is the answer itself, tokens and all.
    throw invalid(`the answer of the token endpoint is none: ${error instanceof Error ? error.message : "?"}`);
  }
  // RFC 9449: the proof that such a token needs cannot be made by who does not make the requests.
  if (checked.token_type === "dpop") throw invalid("the token is bound to a proof (DPoP), which was not asked for");
  const { access_token: accessToken, refresh_token: refreshToken, scope } = checked;
  if (!v.is(aloneInHeader, accessToken)) throw invalid("the access token fits no header");
  return {
    ...{ accessToken, refreshToken, expiresIn: checked.expires_in, account: accountIn(body.id_token, server, client) },
    scope: scope === undefined ? undefined : scopesIn(scope),
    issuedTokenType: body.issued_token_type,
  };
}

const seconds = v.fallback(v.optional(lifetime(1)), undefined);

/**
 * Only what is used, and without `null`, which many servers send for what they leave out. A lifetime as text is a number; one
 * that is none, of no second or beyond counting says nothing. The ID token is read apart: it is of no weight for the token.
 */
function plain(body: Record<string, unknown>): Record<string, unknown> {
  const { access_token, token_type, refresh_token, scope, expires_in } = body;
  return {
    access_token,
    token_type,
    refresh_token: refresh_token === "" ? undefined : (refresh_token ?? undefined),
    scope: Array.isArray(scope) ? scope.join(" ") : (scope ?? undefined),
    expires_in: v.parse(seconds, expires_in) || undefined,
  };
}

/**
 * Whose token it is, for people to see. It came from the token endpoint itself, over TLS, so its signature says nothing more
 * (OpenID Connect Core section 3.1.3.7, 6); an ID token of another issuer or for another client says nothing at all.
 */
function accountIn(idToken: unknown, server: Server, client: Client): string | undefined {
  if (typeof idToken !== "string") return undefined;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(idToken.split(".")[1] ?? "", "base64url").toString());
  } catch {
    return undefined;
  }
  if (!isRecord(claims)) return undefined;
  const { iss, aud, ...who } = claims;
  if (iss !== server.issuer || ![aud].flat().includes(client.clientId)) return undefined;
  const names = [who.email, who.preferred_username, who.name, who.sub];
  return names.find((name): name is string => typeof name === "string" && name !== "")?.slice(0, 320);
}

/** What an answer of the token endpoint makes of what was asked. */
export function grantOf(answer: TokenAnswer, asked: Asked & Pick<Begun, "scope" | "before">, kept?: Grant): Grant {
  const { client, server, resource, scope: requested, before } = asked;
  const now = Date.now();
  const scope = answer.scope ?? kept?.scope ?? requested;
  const refreshToken = answer.refreshToken ?? kept?.refreshToken;
  const account = answer.account ?? kept?.account;
  const gained = before === undefined || scope.some((word) => !before.scope.includes(word));
  return redacted({
    ...{ v: 1, type: "grant", accessToken: answer.accessToken, tokenType: "Bearer" },
    ...(answer.expiresIn === undefined ? {} : { expiresAt: new Date(now + answer.expiresIn * 1000).toISOString() }),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...{ scope, requested, stepUps: kept?.stepUps ?? (gained ? 0 : before.stepUps + 1) },
    ...{ issuer: server.issuer, resource, clientId: client.clientId },
    ...(account === undefined ? {} : { account }),
    ...{ obtainedAt: new Date(now).toISOString(), client, server },
  });
}
