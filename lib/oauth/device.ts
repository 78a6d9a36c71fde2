/** Sign-in on another device (RFC 8628): for a broker without a browser. */
import * as oauth from "oauth4webapi";
import * as v from "valibot";
import { OAuthError } from "../base/errors.js";
import { pause } from "../base/until.js";
import { authenticationOf } from "./authentication.js";
import { type BeginOptions, begin } from "./begin.js";
import { redacted } from "./redact.js";
import { jsonObjectOf, refusalIn } from "./refusal.js";
import { type Authority, type Client, type DeviceFlow, type Grant, parseDeviceFlow } from "./shapes.js";
import { askForToken, grantOf, type TokenAnswer } from "./token.js";
import { tracedStep } from "./traced.js";
import { allowedUrl, type OAuthOptions, transport } from "./transport.js";

const text = v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096));
const response = v.object({
  device_code: text,
  user_code: text,
  verification_uri: text,
  verification_uri_complete: v.nullish(text),
  expires_in: v.pipe(v.unknown(), v.transform(Number), v.number(), v.minValue(1), v.maxValue(2 ** 31)),
  /** Seconds; five where the server says none. */
  interval: v.fallback(v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(3600))), undefined),
});

/**
 * Begins a sign-in on another device. Show `userCode` and `verificationUri` to the person, stash the flow.
 * @throws OAuthError `NO_ENDPOINT`, `ISSUER_CHANGED`, `REFUSED`, `INVALID_RESPONSE`
 * @example
 * ```ts
 * import { type Authority, beginDevice, type Client, finishDevice } from "latchkey/oauth";
 *
 * export async function signIn(authority: Authority, client: Client) {
 *   const flow = await beginDevice(authority, client, { scope: ["files:read"] });
 *   console.log(`Open ${flow.verificationUri} and type ${flow.userCode}`);
 *   return await finishDevice(flow);
 * }
 * ```
 */
export function beginDevice(
  authority: Authority,
  client: Client,
  options: BeginOptions & OAuthOptions = {},
): Promise<DeviceFlow> {
  return tracedStep(
    "beginDevice",
    () => ({ issuer: authority.issuer, resource: authority.resource }),
    () => begunDevice(authority, client, options),
  );
}

async function begunDevice(
  authority: Authority,
  client: Client,
  options: BeginOptions & OAuthOptions,
): Promise<DeviceFlow> {
  const { begun } = begin(authority, client, options);
  const { server, issuer, resource, scope } = begun;
  if (server.device_authorization_endpoint === undefined)
    throw new OAuthError("NO_ENDPOINT", "device-authorization", `"${issuer}" has no device authorization endpoint`);
  const answer = await oauth.deviceAuthorizationRequest(
    server,
    { client_id: begun.client.clientId },
    await authenticationOf(begun.client),
    { resource, ...(scope.length === 0 ? {} : { scope: scope.join(" ") }) },
    { [oauth.customFetch]: transport(resource, "device-authorization", options), [oauth.allowInsecureRequests]: true },
  );
  const body = await jsonObjectOf(answer);
  const refusal = refusalIn(answer.status, body, "device-authorization");
  if (refusal !== undefined) throw refusal;
  const result = v.safeParse(response, body);
  if (!result.success)
    throw new OAuthError("INVALID_RESPONSE", "device-authorization", "the answer has no code for a device", {
      status: answer.status,
    });
  const { verification_uri, verification_uri_complete, interval, ...codes } = result.output;
  for (const url of [verification_uri, verification_uri_complete])
    if (typeof url === "string") allowedUrl(url, resource, "device-authorization", options);
  return redacted({
    ...begun,
    ...{ type: "device-flow", userCode: codes.user_code, verificationUri: verification_uri },
    ...(verification_uri_complete ? { verificationUriComplete: verification_uri_complete } : {}),
    ...{ deviceCode: codes.device_code, interval: interval ?? 5 },
    expiresAt: new Date(Date.now() + codes.expires_in * 1000).toISOString(),
  });
}

/**
 * Asks, at the pace that the server wants, until the person has answered. May be given up (`signal`) and gone on with in
 * another process. Where the server cannot be reached it is asked half as often (RFC 8628 section 3.5).
 * @throws OAuthError `EXPIRED`; `REFUSED` with `access_denied` or another `error` that ends it
 * @example
 * ```ts
 * import { finishDevice, parseFlow } from "latchkey/oauth";
 *
 * export async function goOn(kept: string, signal: AbortSignal) {
 *   const flow = parseFlow(kept);
 *   return flow.type === "device-flow" ? await finishDevice(flow, { signal }) : undefined;
 * }
 * ```
 */
export function finishDevice(flow: DeviceFlow, options: OAuthOptions = {}): Promise<Grant> {
  return tracedStep(
    "finishDevice",
    () => ({ issuer: flow.issuer, resource: flow.resource }),
    () => finishedDevice(flow, options),
  );
}

async function finishedDevice(flow: DeviceFlow, options: OAuthOptions): Promise<Grant> {
  const begun = parseDeviceFlow(flow);
  const signal = options.signal ?? new AbortController().signal;
  let seconds = begun.interval;
  for (;;) {
    if (Date.parse(begun.expiresAt) <= Date.now() + seconds * 1000)
      throw new OAuthError("EXPIRED", "token", "the time of the device code is over");
    await pause(seconds * 1000, signal);
    const answer = await poll(begun, options);
    if (typeof answer === "object") return grantOf(answer, begun);
    if (answer === "slow_down") seconds += 5;
    else if (answer === "unreachable") seconds = Math.max(1, seconds * 2);
  }
}

async function poll(
  flow: DeviceFlow,
  options: OAuthOptions,
): Promise<TokenAnswer | "authorization_pending" | "slow_down" | "unreachable"> {
  try {
    return await askForToken(
      flow,
      (server, client, authentication, request) =>
        oauth.deviceCodeGrantRequest(server, client, authentication, flow.deviceCode, request),
      options,
    );
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof DOMException && error.name === "TimeoutError") return "unreachable";
    if (!(error instanceof OAuthError)) throw error;
    if (error.code === "UNREACHABLE" || (error.status ?? 0) >= 500) return "unreachable";
    if (error.error === "authorization_pending" || error.error === "slow_down") return error.error;
    if (error.error === "expired_token")
      throw new OAuthError("EXPIRED", "token", "the time of the device code is over", error);
    throw error;
  }
}
