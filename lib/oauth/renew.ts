/**
 * A token without a person: what is kept, refreshed where it must be, or the client's own.
 *
 *     kept, good for this request                          -> kept          no network at all
 *     kept, with a refresh token    spend POST keep        -> refreshed
 *                                   invalid_grant          -> person        forgotten
 *                                   never sent, or refused -> throws        unspent: the refresh token is as good as before
 *                                   no answer, or none     -> throws        in doubt: nobody knows whether it was spent
 *     in doubt                                             -> person, or presented once more where the caller says so
 *     client credentials            POST keep              -> client-credentials
 *
 * Between `spend` and `keep` the caller's signal is not looked at: an answer that has come is kept before anything else.
 */
import { OAuthError } from "../base/errors.js";
import { discover } from "./authority.js";
import { type Challenge, challengeOf, type OAuthRequest } from "./challenge.js";
import { type ChooseClientOptions, chooseClient } from "./client.js";
import { clientCredentials, refresh } from "./grant.js";
import { chooseScope, stepUpLimit } from "./scope.js";
import { type Authority, type Grant, parseGrant } from "./shapes.js";
import { tracedStep } from "./traced.js";
import type { OAuthOptions } from "./transport.js";

/**
 * The exclusive, leased and fenced right to what is kept for one principal, resource and client. Each verb is on disk when it
 * resolves, and rejects when the lease is over.
 */
export interface HeldGrant {
  /** What is kept: nothing, a grant, or one whose refresh token may have been spent. */
  readonly state: "none" | "kept" | "in-doubt";
  /** What was kept last, as JSON. */
  readonly grant?: unknown;
  /** The refresh token is about to be presented. */
  spend(): Promise<void>;
  /** It surely was not used up. */
  unspent(): Promise<void>;
  /** Keeps what the authorization server gave, in the place of what was there. */
  keep(grant: Grant): Promise<void>;
  /** Keeps nothing any more. `reason` is for the receipt. */
  forget(options?: { reason?: string | undefined }): Promise<void>;
  /** Gives the right back. Twice, or too late, is harmless. */
  release(): Promise<void>;
}

/** What `renew` needs of a claim; that of a ledger is one. */
export interface GrantClaim {
  /** The request that the claim is on, with its secrets. */
  request(): Promise<OAuthRequest>;
  /** What is kept, without the right to it; undefined while nothing is, or while that may change. Left out, the right is taken to look. */
  kept?(): Promise<unknown>;
  /**
   * The right to what is kept for its principal, resource and client. `leaseMs` is how long it is held, `waitMs` how long to wait for it.
   */
  grant(options?: {
    leaseMs?: number | undefined;
    waitMs?: number | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<HeldGrant>;
}

/**
 * - `none`: nothing is kept.
 * - `expired`: it has ended, or was refused by the MCP server, and has no refresh token.
 * - `refused`: the authorization server takes the refresh token no more.
 * - `in-doubt`: a refresh token was presented and nobody saw the answer.
 * - `scope`: more is asked for than was granted.
 * - `step-up-limit`: the same, and signing in again has brought nothing new before.
 * - `issuer-changed`: the resource has another authorization server now.
 */
export type NeedsPerson = "none" | "expired" | "refused" | "in-doubt" | "scope" | "step-up-limit" | "issuer-changed";

/** How a token came about, or why a person is needed. */
export type Renewal =
  | { how: "kept" | "refreshed" | "client-credentials"; grant: Grant }
  | {
      how: "person";
      why: NeedsPerson;
      /** What there was, for the union of scopes: `before` of `chooseScope` and `beginCode`. */
      before?: Grant;
    };

/** Options of `renew`. */
export interface RenewOptions extends OAuthOptions {
  /** The time to judge by. This machine's clock when left out. */
  now?: Date | undefined;
  /** How long a kept access token must still live to be given away. Default 30 000. */
  minLifetimeMs?: number | undefined;
  /** What to do when a refresh token may have been spent: `"try"` is for servers that do not take a second use for theft. Default `"person"`. */
  inDoubt?: "person" | "try" | undefined;
  /** How to choose the client where it asks for itself; also makes it ask though the request's configuration does not say so. */
  clientCredentials?: ChooseClientOptions | undefined;
  /** Milliseconds that the grant is held unless it is released: the claim's default when left out. */
  leaseMs?: number | undefined;
  /** Milliseconds to wait for a grant that somebody else holds: the claim's default when left out. */
  waitMs?: number | undefined;
}

/**
 * Gets a token without a person where there is a way, and keeps it.
 * @throws OAuthError what `discover`, `refresh` and `clientCredentials` can cause; what the claim's own verbs can
 * @example
 * ```ts
 * import { type GrantClaim, renew, toAnswer } from "latchkey/oauth";
 *
 * export async function answerFor(claim: GrantClaim) {
 *   const renewal = await renew(claim, { minLifetimeMs: 60_000 });
 *   return renewal.how === "person" ? undefined : toAnswer(renewal.grant);
 * }
 * ```
 */
export function renew(claim: GrantClaim, options: RenewOptions = {}): Promise<Renewal> {
  return tracedStep(
    "renew",
    () => ({}),
    () => renewed(claim, options),
    (renewal) => ({ how: renewal.how, ...("why" in renewal && { why: renewal.why }) }),
  );
}

async function renewed(claim: GrantClaim, options: RenewOptions): Promise<Renewal> {
  const request = await claim.request();
  const kept = await claim.kept?.();
  if (kept !== undefined) {
    const grant = parseGrant(kept);
    if (isGood(grant, request, challengeOf(request), options)) return { how: "kept", grant };
  }
  const { leaseMs, waitMs, signal } = options;
  const held = await claim.grant({ leaseMs, waitMs, signal });
  try {
    return await renewHeld(held, request, options);
  } finally {
    await held.release();
  }
}

async function renewHeld(held: HeldGrant, request: OAuthRequest, options: RenewOptions): Promise<Renewal> {
  const challenge = challengeOf(request);
  const grant = held.state === "none" || held.grant === undefined ? undefined : parseGrant(held.grant);
  if (held.state === "kept" && grant !== undefined && isGood(grant, request, challenge, options))
    return { how: "kept", grant };
  if (challenge.grantType === "client_credentials" || options.clientCredentials !== undefined)
    return await ownToken(held, request, grant, options);
  if (grant === undefined) return { how: "person", why: "none" };
  const person = (why: NeedsPerson): Renewal => ({ how: "person", why, before: grant });
  if (request.data.reason === "upscope" || !covers(grant, challenge))
    return person(grant.stepUps >= stepUpLimit ? "step-up-limit" : "scope");
  if (held.state === "in-doubt" && options.inDoubt !== "try") return person("in-doubt");
  if (grant.refreshToken === undefined) return person("expired");
  const authority = await discover(request, options);
  if (authority.issuer !== grant.issuer || authority.resource !== grant.resource) {
    await held.forget({ reason: "issuer-changed" });
    return { how: "person", why: "issuer-changed" };
  }
  return await spend(held, grant, authority, options);
}

/**
 * Of what was asked, and not itself what the MCP server has refused. A token that the runtime was started with is refused as "initial": only the
 * challenge says then that there was one (RFC 6750 section 3.1). Some servers say so where there was none, and so one that cannot be refreshed is
 * given all the same.
 */
function isGood(
  grant: Grant,
  { data, receivedAt }: OAuthRequest,
  challenge: Challenge,
  options: RenewOptions,
): boolean {
  const now = options.now?.getTime() ?? Date.now();
  const lives = grant.expiresAt === undefined || Date.parse(grant.expiresAt) - now > (options.minLifetimeMs ?? 30_000);
  const canRefresh = grant.refreshToken !== undefined;
  const isFirst = data.reason === "initial" && !(canRefresh && challenge.error === "invalid_token");
  return lives && (isFirst || Date.parse(grant.obtainedAt) > Date.parse(receivedAt)) && covers(grant, challenge);
}

/**
 * What was asked for and not granted, such as an `openid` that the server leaves out, is not asked for again before the MCP server says that
 * the token lacks it (RFC 6750 section 3.1).
 */
function covers({ scope: granted, requested }: Grant, { scope, configuredScope, error }: Challenge): boolean {
  const had = error === "insufficient_scope" ? granted : [...granted, ...requested];
  return (scope.length > 0 ? scope : configuredScope).every((word) => had.includes(word));
}

async function ownToken(
  held: HeldGrant,
  request: OAuthRequest,
  before: Grant | undefined,
  options: RenewOptions,
): Promise<Renewal> {
  const authority = await discover(request, options);
  const client = await chooseClient(request, authority, { ...options, ...options.clientCredentials });
  const same = before?.issuer === authority.issuer && before.resource === authority.resource ? before : undefined;
  const scope = chooseScope(request, authority, same);
  const { signal: _, ...unbroken } = options;
  const grant = await clientCredentials(authority, client, { ...unbroken, scope, before: same });
  await held.keep(grant);
  return { how: "client-credentials", grant };
}

async function spend(held: HeldGrant, before: Grant, authority: Authority, options: RenewOptions): Promise<Renewal> {
  const { signal, ...unbroken } = options;
  signal?.throwIfAborted();
  await held.spend();
  let grant: Grant;
  try {
    grant = await refresh(before, { ...unbroken, authority });
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    if (error.error === "invalid_grant") {
      await held.forget({ reason: "invalid_grant" });
      return { how: "person", why: "refused", before };
    }
    const refusedIt = error.code === "REFUSED" && (error.status ?? 500) < 500;
    if (error.sent === false || refusedIt) await held.unspent();
    throw error;
  }
  await held.keep(grant);
  return { how: "refreshed", grant };
}
