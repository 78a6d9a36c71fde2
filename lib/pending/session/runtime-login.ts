/**
 * A sign-in that the runtime owns: it discovers, makes the PKCE verifier, exchanges the code, keeps the tokens, and refreshes them when it is told to
 * (`{ kind: "runtimeRefresh" }`). The host shows a URL and hands the callback in. For hosts that want no token in their hands.
 *
 *   begin -> pending in the runtime, one a server -> finish: connected
 *                                                 -> the runtime dies, or another finish was quicker: `UNKNOWN_LOGIN`
 *
 * A callback that says `error` leaves it pending. Nothing ends one that nobody finishes but the end of the session's load.
 */

import * as v from "valibot";
import { check } from "../../base/check.js";
import { LatchkeyError, RpcError, ValidationError } from "../../base/errors.js";
import type { ParamsOf, RequestOptions, SessionRequester } from "../../protocol/index.js";

/** A sign-in that has begun; plain JSON, so that another process can finish it. It holds no secret: the verifier stays in the runtime. */
export interface RuntimeLogin {
  /** The version of this form. */
  v: 1;
  /** The session whose server it is for. */
  sessionId: string;
  /** The MCP server's name in that session. */
  serverName: string;
  /** The runtime's name for it; the authorization URL's `state` too. */
  authorizationId: string;
  /** What a person opens. */
  url: string;
  /** Where the browser comes back to. */
  redirectUri: string;
  /** Which issuer the callback has to name, where the host knows it. */
  issuer?: string;
}

type LoginParams = ParamsOf<"session.mcp.oauth.login">;

/** Options of `runtimeLogin.begin`. */
export interface BeginRuntimeLoginOptions
  extends Pick<LoginParams, "clientId" | "clientSecret" | "publicClient" | "clientName" | "forceReauth">,
    RequestOptions {
  /** The MCP server's name in the session. */
  serverName: string;
  /** `https`, without query and fragment: the runtime takes no other, loopback included. */
  redirectUri: string;
  /** The authorization server's issuer. The runtime does not compare the callback's `iss` (RFC 9207); with this, `finish` does. */
  issuer?: string | undefined;
}

/** What `runtimeLogin` needs of an `Rpc`. */
export interface LoginRpc {
  /** What the runtime can do beyond what every one can. */
  capabilities(): Promise<{ readonly runtimeLogin: boolean }>;
  /** The session with this id. */
  session(sessionId: string): SessionRequester;
}

const stored = v.looseObject({
  v: v.literal(1),
  sessionId: v.string(),
  serverName: v.string(),
  authorizationId: v.string(),
  url: v.string(),
  redirectUri: v.string(),
  issuer: v.exactOptional(v.string()),
});

/**
 * Begins a sign-in. Undefined when the runtime has a good token already: then the server is connected, or on its way. One at a time for a server.
 * @throws LatchkeyError `UNSUPPORTED` where the runtime cannot do it; nothing was sent then. TypeError for a redirect URI that it would refuse.
 */
async function begin(
  rpc: LoginRpc,
  sessionId: string,
  { serverName, redirectUri, issuer, signal, timeoutMs, ...rest }: BeginRuntimeLoginOptions,
): Promise<RuntimeLogin | undefined> {
  const target = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  if (target?.protocol !== "https:" || target.search !== "" || target.hash !== "" || /[?#]/.test(redirectUri))
    throw new TypeError('"redirectUri" must be an https URL without query and fragment');
  // An older runtime would open its own listener instead.
  if (!(await rpc.capabilities()).runtimeLogin)
    throw new LatchkeyError("UNSUPPORTED", "this runtime has no session.mcp.oauth.complete");
  const options = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const { authorizationUrl: url, authorizationId } = await rpc
    .session(sessionId)
    .request("mcp.oauth.login", { ...options, serverName, redirectUri }, { signal, timeoutMs });
  if (url === undefined || authorizationId === undefined) return undefined;
  return {
    v: 1,
    sessionId,
    serverName,
    authorizationId,
    url,
    redirectUri,
    ...(issuer === undefined ? {} : { issuer }),
  };
}

/**
 * Finishes a sign-in, from any process, with the URL that the browser was sent to. Resolves when the runtime has the token; its server connects a moment later.
 * @throws ValidationError when the callback belongs to another sign-in or issuer: nothing was sent. RpcError `UNKNOWN_LOGIN` when the runtime does not
 * wait for it; `RPC` when the server refused (the callback's `error`, or the code): begin anew, or hand a later callback in.
 */
async function finish(
  rpc: Pick<LoginRpc, "session">,
  login: RuntimeLogin,
  callbackUrl: string,
  options: RequestOptions = {},
): Promise<void> {
  const { sessionId, authorizationId, redirectUri, issuer } = check(stored, login, "runtime login");
  const refuse = (path: string, expected: string): ValidationError =>
    new ValidationError("callback of a runtime login", [{ path, expected }]);
  if (!URL.canParse(callbackUrl)) throw refuse("", "a URL");
  const callback = new URL(callbackUrl);
  const at = new URL(redirectUri);
  if (callback.origin !== at.origin || callback.pathname !== at.pathname) throw refuse("", "the redirect URI");
  const one = (name: string): string | undefined => {
    const [value, ...more] = callback.searchParams.getAll(name);
    if (more.length > 0) throw refuse(name, "it once");
    return value;
  };
  if (one("state") !== authorizationId) throw refuse("state", "that of this sign-in");
  const iss = one("iss");
  if (issuer !== undefined && iss !== undefined && iss !== issuer) throw refuse("iss", "the issuer of this sign-in");
  try {
    await rpc.session(sessionId).request("mcp.oauth.complete", { authorizationId, callbackUrl }, options);
  } catch (error) {
    if (!(error instanceof RpcError) || !/unknown or no longer pending/.test(error.message)) throw error;
    const { rpcCode, method, data } = error;
    throw new RpcError("UNKNOWN_LOGIN", error.message, { rpcCode, method, data, cause: error });
  }
}

/**
 * The runtime's own sign-in: `begin`, open `url`, `finish` with the callback.
 * @example
 * ```ts
 * import { runtimeLogin } from "latchkey/pending";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * const login = await runtimeLogin.begin(rpc, "4f1c…", {
 *   serverName: "files",
 *   redirectUri: "https://host.example/callback",
 * });
 * if (login) console.log(`Open ${login.url}, and keep ${JSON.stringify(login)} for runtimeLogin.finish`);
 * ```
 */
export const runtimeLogin = { begin, finish } as const;
