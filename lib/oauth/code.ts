/**
 * The authorization code flow with PKCE (RFC 6749 section 4.1, RFC 7636): begun in one process, finished in any other that has the flow.
 * Everything that the callback is checked against is in the flow before its URL exists.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import * as oauth from "oauth4webapi";
import { OAuthError } from "../base/errors.js";
import { authenticationOf } from "./authentication.js";
import { type BeginOptions, begin } from "./begin.js";
import { checkRedirectUri } from "./client.js";
import { redacted } from "./redact.js";
import { jsonObjectOf, refusalIn, refused } from "./refusal.js";
import { type Authority, type Client, type CodeFlow, type Grant, parseCodeFlow } from "./shapes.js";
import { askForToken, grantOf } from "./token.js";
import { tracedStep } from "./traced.js";
import { allowedUrl, type OAuthOptions, transport } from "./transport.js";

/** Options of `beginCode`. */
export interface BeginCodeOptions extends BeginOptions, OAuthOptions {
  /** Where the browser comes back to: https, or http on loopback. `listenForRedirect` gives one. */
  redirectUri: string;
  /** What else the authorization server is to know, such as `login_hint`. Nothing that the flow says itself. */
  parameters?: Readonly<Record<string, string>> | undefined;
}

/**
 * Begins a sign-in. Stash the flow, then open its `url` in the person's browser.
 * @throws OAuthError `NO_PKCE`, `NO_ENDPOINT`, `ISSUER_CHANGED`; `REFUSED` by a pushed authorization request (RFC 9126).
 * @example
 * ```ts
 * import { type Authority, beginCode, type Client } from "latchkey/oauth";
 *
 * export async function urlToOpen(authority: Authority, client: Client) {
 *   const flow = await beginCode(authority, client, {
 *     redirectUri: "http://127.0.0.1:8719/callback",
 *     scope: ["files:read"],
 *   });
 *   return { open: flow.url, keep: JSON.stringify(flow) };
 * }
 * ```
 */
export function beginCode(authority: Authority, client: Client, options: BeginCodeOptions): Promise<CodeFlow> {
  return tracedStep(
    "beginCode",
    () => ({ issuer: authority.issuer, resource: authority.resource }),
    () => begunCode(authority, client, options),
  );
}

async function begunCode(authority: Authority, client: Client, options: BeginCodeOptions): Promise<CodeFlow> {
  const { begun, metadata } = begin(authority, client, options);
  const { redirectUri } = options;
  checkRedirectUri(redirectUri);
  const { issuer, resource, scope } = begun;
  if (metadata.code_challenge_methods_supported?.includes("S256") !== true)
    throw new OAuthError("NO_PKCE", "authorization", `"${issuer}" does not say that it supports S256`);
  if (metadata.authorization_endpoint === undefined)
    throw new OAuthError("NO_ENDPOINT", "authorization", `"${issuer}" has no authorization endpoint`);
  const [state, verifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()];
  const parameters = {
    ...options.parameters,
    ...{ response_type: "code", client_id: begun.client.clientId, redirect_uri: redirectUri, state, resource },
    ...{ code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" },
    ...(scope.length === 0 ? {} : { scope: scope.join(" ") }),
    // OpenID Connect Core section 11: without it the server ignores the scope.
    ...(scope.includes("offline_access") ? { prompt: "consent" } : {}),
  };
  const url = allowedUrl(metadata.authorization_endpoint, resource, "authorization", options);
  const shown = metadata.require_pushed_authorization_requests
    ? await push({ begun, parameters }, options)
    : parameters;
  for (const [name, value] of Object.entries(shown)) url.searchParams.set(name, value);
  return redacted({ ...begun, type: "code-flow", url: url.href, state, verifier, redirectUri });
}

interface Pushed {
  readonly begun: ReturnType<typeof begin>["begun"];
  readonly parameters: Readonly<Record<string, string>>;
}

async function push({ begun, parameters }: Pushed, options: OAuthOptions): Promise<Record<string, string>> {
  const { server, client, resource, issuer } = begun;
  if (server.pushed_authorization_request_endpoint === undefined)
    throw new OAuthError(
      "NO_ENDPOINT",
      "authorization",
      `"${issuer}" wants pushed requests and has no endpoint for them`,
    );
  const response = await oauth.pushedAuthorizationRequest(
    server,
    { client_id: client.clientId },
    await authenticationOf(client),
    new URLSearchParams(parameters),
    { [oauth.customFetch]: transport(resource, "authorization", options), [oauth.allowInsecureRequests]: true },
  );
  const body = await jsonObjectOf(response);
  const refusal = refusalIn(response.status, body, "authorization");
  if (refusal !== undefined) throw refusal;
  if (typeof body?.request_uri !== "string")
    throw new OAuthError("INVALID_RESPONSE", "authorization", "the pushed request was given no request_uri");
  return { client_id: client.clientId, request_uri: body.request_uri };
}

/**
 * Finishes a sign-in with the URL that the browser came back to (or its path and query). State and issuer (RFC 9207) are checked
 * before anything is sent or told. One POST, never repeated: a code is good once.
 * @throws OAuthError `STATE_MISMATCH`, `ISSUER_MISMATCH`; `REFUSED` with the server's `error`, such as `access_denied`; what the token endpoint can cause
 * @example
 * ```ts
 * import { finishCode, parseFlow, toAnswer } from "latchkey/oauth";
 *
 * export async function answerFor(kept: string, callbackUrl: string) {
 *   const flow = parseFlow(kept);
 *   if (flow.type !== "code-flow") throw new TypeError("another way to sign in");
 *   return toAnswer(await finishCode(flow, callbackUrl));
 * }
 * ```
 */
export function finishCode(flow: CodeFlow, callbackUrl: string | URL, options: OAuthOptions = {}): Promise<Grant> {
  return tracedStep(
    "finishCode",
    () => ({ issuer: flow.issuer, resource: flow.resource }),
    () => finishedCode(flow, callbackUrl, options),
  );
}

async function finishedCode(flow: CodeFlow, callbackUrl: string | URL, options: OAuthOptions): Promise<Grant> {
  const begun = parseCodeFlow(flow);
  const callback = URL.canParse(String(callbackUrl), begun.redirectUri)
    ? new URL(callbackUrl, begun.redirectUri)
    : undefined;
  if (callback === undefined) throw new TypeError('"callbackUrl" must be the URL that the browser came back to');
  const parameters = checkCallback(begun, callback.searchParams);
  const answer = await askForToken(
    begun,
    (server, client, authentication, request) =>
      oauth.authorizationCodeGrantRequest(
        ...([server, client, authentication, parameters, begun.redirectUri, begun.verifier, request] as const),
      ),
    options,
  );
  return grantOf(answer, begun);
}

/** The table of RFC 9207 section 2.4 as the MCP specification has it, on errors too; and the state. */
function checkCallback(flow: CodeFlow, given: URLSearchParams): URLSearchParams {
  const { server, client, state } = flow;
  for (const name of ["iss", "state", "code", "error"])
    if (given.getAll(name).length > 1)
      throw new OAuthError("INVALID_RESPONSE", "authorization", `the callback says "${name}" more than once`);
  const said = given.get("iss");
  const missing = said === null && server.authorization_response_iss_parameter_supported === true;
  if (missing || (said !== null && said !== server.issuer))
    throw new OAuthError("ISSUER_MISMATCH", "authorization", `the callback is not one of "${server.issuer}"`);
  if (!same(given.get("state") ?? "", state))
    throw new OAuthError("STATE_MISMATCH", "authorization", "the callback belongs to another sign-in");
  const error = given.get("error");
  if (error !== null) throw refused("authorization", error, given.get("error_description"));
  if (!given.get("code"))
    throw new OAuthError("INVALID_RESPONSE", "authorization", "the callback has neither a code nor an error");
  try {
    return oauth.validateAuthResponse(server, { client_id: client.clientId }, given, state);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "";
    // Their cause is the callback, code and all.
    throw new OAuthError("INVALID_RESPONSE", "authorization", `the callback is none: ${why}`);
  }
}

function same(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
