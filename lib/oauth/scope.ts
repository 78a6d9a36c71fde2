import { OAuthError } from "../base/errors.js";
import { challengeOf, type OAuthRequest } from "./challenge.js";
import { type Authority, parseAuthority } from "./shapes.js";

/** What there was before a step-up: a grant, or what was kept of one. */
export interface Before {
  /** The scopes that were granted. */
  readonly scope: readonly string[];
  /** What was asked for, where that was more. */
  readonly requested?: readonly string[] | undefined;
  /** Step-ups in a row that brought nothing new. */
  readonly stepUps?: number | undefined;
}

/** With the sign-in before them these are three for the same scopes. */
export const stepUpLimit = 2;

/**
 * Which scopes to ask for: what the challenge says, else what the server's configuration says, else all that the resource's metadata lists,
 * else none. On a step-up the union with what was asked for before, so that nothing is lost; `offline_access` (a refresh token)
 * where the authorization server lists it.
 * @throws OAuthError `STEP_UP_LIMIT` when two step-ups in a row have brought nothing new.
 * @example
 * ```ts
 * import { type Authority, beginCode, type Client, chooseScope, type Grant, type OAuthRequest } from "latchkey/oauth";
 *
 * export async function stepUp(request: OAuthRequest, authority: Authority, client: Client, before: Grant) {
 *   const scope = chooseScope(request, authority, before);
 *   return await beginCode(authority, client, { redirectUri: "http://127.0.0.1:8719/callback", scope, before });
 * }
 * ```
 */
export function chooseScope(request: OAuthRequest, authority: Authority, before?: Before): string[] {
  const challenge = challengeOf(request);
  const { scopesSupported = [], metadata } = parseAuthority(authority);
  const stepsUp = request.data.reason === "upscope" || challenge.error === "insufficient_scope";
  if (stepsUp && (before?.stepUps ?? 0) >= stepUpLimit)
    throw new OAuthError(
      "STEP_UP_LIMIT",
      "scope",
      `${stepUpLimit} step-ups in a row have brought no scope that was not there before`,
    );
  const wanted =
    [challenge.scope, challenge.configuredScope, scopesSupported].find((scopes) => scopes.length > 0) ?? [];
  const refreshes = metadata.grant_types_supported?.includes("refresh_token") ?? true;
  const lists = metadata.scopes_supported?.includes("offline_access") ?? false;
  const offline = lists && refreshes && challenge.grantType !== "client_credentials";
  const all = [...(before?.requested ?? []), ...(before?.scope ?? []), ...wanted].filter(
    (scope) => scope !== "offline_access",
  );
  return [...new Set([...all, ...(offline ? ["offline_access"] : [])])];
}
