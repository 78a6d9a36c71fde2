/**
 * Tokens without a person at the MCP server's authorization server: for an assertion that another authority signed (RFC 7523
 * section 2.1). Where an enterprise's identity provider signs it, it is first exchanged for there (ID-JAG,
 * draft-ietf-oauth-identity-assertion-authz-grant, on RFC 8693); where a platform signs it, it is the workload's own identity.
 */
import * as oauth from "oauth4webapi";
import { OAuthError } from "../base/errors.js";
import { serverMetadata } from "./authority.js";
import { type BeginOptions, begin } from "./begin.js";
import { methodFor } from "./client.js";
import { parametersFor } from "./grant.js";
import { type Authority, type Client, type Grant, type PrivateKey, parseAuthority } from "./shapes.js";
import { askForToken, grantOf } from "./token.js";
import { tracedStep } from "./traced.js";
import type { OAuthOptions } from "./transport.js";

const idJag = "urn:ietf:params:oauth:token-type:id-jag";
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";

/** The identity provider, as the host's operator configured it: trusted, unlike what a server names. */
export interface IdentityProvider {
  /** Its issuer identifier (RFC 8414), an https URL. */
  issuer: string;
  /** Left out, it is looked up in the issuer's metadata. */
  tokenEndpoint?: string | undefined;
  /** The host's client id there. */
  clientId: string;
  /** Its secret, where it has one. */
  clientSecret?: string | undefined;
  /** Its key, where it authenticates by `private_key_jwt`. */
  privateKey?: PrivateKey | undefined;
}

/** Options of `exchange`. */
export interface ExchangeOptions extends OAuthOptions {
  /** What proves who the person is, from their sign-in at the identity provider. */
  subjectToken: string;
  /** Default that of an ID token. */
  subjectTokenType?: string | undefined;
  /** The scopes to ask for. None are named when left out. */
  scope?: readonly string[] | undefined;
}

/** An assertion for one authorization server and resource. A secret; its text is for `assertion`. */
export interface Exchanged {
  /** The signed JWT. */
  assertion: string;
  /** When the assertion ends, in ISO 8601, where the provider said so. */
  expiresAt?: string;
}

/**
 * Exchanges a person's identity at the identity provider for an assertion (ID-JAG) that the authorization server takes.
 * @throws OAuthError what discovery and the token endpoint can cause
 * @example
 * ```ts
 * import { assertion, type Authority, type Client, exchange, type IdentityProvider } from "latchkey/oauth";
 *
 * export async function signIn(authority: Authority, client: Client, provider: IdentityProvider, idToken: string) {
 *   const exchanged = await exchange(authority, provider, { subjectToken: idToken });
 *   return await assertion(authority, client, { assertion: exchanged.assertion });
 * }
 * ```
 */
export function exchange(
  authority: Authority,
  provider: IdentityProvider,
  options: ExchangeOptions,
): Promise<Exchanged> {
  return tracedStep(
    "exchange",
    () => ({ issuer: authority.issuer, resource: authority.resource }),
    () => exchanged(authority, provider, options),
  );
}

async function exchanged(
  authority: Authority,
  provider: IdentityProvider,
  options: ExchangeOptions,
): Promise<Exchanged> {
  const { issuer, resource } = parseAuthority(authority);
  const own = { ...options, allowInner: true };
  const server =
    provider.tokenEndpoint === undefined
      ? await serverMetadata(provider.issuer, provider.issuer, own)
      : { issuer: provider.issuer, token_endpoint: provider.tokenEndpoint };
  const { clientId, clientSecret, privateKey } = provider;
  const client: Client = {
    ...{ v: 1, type: "client", issuer: provider.issuer, source: "registered", clientId },
    authMethod: methodFor(
      provider,
      "token_endpoint_auth_methods_supported" in server ? server.token_endpoint_auth_methods_supported : undefined,
    ),
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(privateKey === undefined ? {} : { privateKey }),
  };
  const parameters = {
    requested_token_type: idJag,
    audience: issuer,
    subject_token: options.subjectToken,
    subject_token_type: options.subjectTokenType ?? "urn:ietf:params:oauth:token-type:id_token",
    ...parametersFor({ resource, scope: [...(options.scope ?? [])] }),
  };
  const { accessToken, expiresIn, issuedTokenType } = await askForToken(
    { server, client, resource },
    (as, asClient, authentication, { additionalParameters: _, ...request }) =>
      oauth.genericTokenEndpointRequest(as, asClient, authentication, tokenExchange, parameters, request),
    own,
  );
  if (issuedTokenType !== idJag)
    throw new OAuthError(
      "INVALID_RESPONSE",
      "token",
      "the identity provider gave another kind of token than was asked for",
    );
  return {
    assertion: accessToken,
    ...(expiresIn === undefined ? {} : { expiresAt: new Date(Date.now() + expiresIn * 1000).toISOString() }),
  };
}

/** Options of `assertion`. */
export interface AssertionOptions extends BeginOptions, OAuthOptions {
  /** A signed JWT: what `exchange` gave, or the token of the workload's platform. */
  assertion: string;
}

/**
 * A token for an assertion. One POST, never repeated; after a refusal no other way is tried.
 * @throws OAuthError `ISSUER_CHANGED`; what the token endpoint can cause
 */
export function assertion(authority: Authority, client: Client, options: AssertionOptions): Promise<Grant> {
  return tracedStep(
    "assertion",
    () => ({ issuer: authority.issuer, resource: authority.resource }),
    () => asserted(authority, client, options),
  );
}

async function asserted(authority: Authority, client: Client, options: AssertionOptions): Promise<Grant> {
  const scope = options.scope?.filter((word) => word !== "offline_access");
  const { begun } = begin(authority, client, { ...options, scope });
  const parameters = { assertion: options.assertion, ...parametersFor(begun) };
  const answer = await askForToken(
    begun,
    (server, asClient, authentication, { additionalParameters: _, ...request }) =>
      oauth.genericTokenEndpointRequest(server, asClient, authentication, jwtBearer, parameters, request),
    options,
  );
  return grantOf(answer, begun);
}
