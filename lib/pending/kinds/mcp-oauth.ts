import * as v from "valibot";
import { openUrl } from "../url.js";
import { kind } from "./kind.js";

const open = v.object({
  requestId: v.string(),
  serverName: v.string(),
  /** Without user info and query; whole under `secrets` where it has them. */
  serverUrl: v.pipe(v.string(), v.transform(openUrl)),
  reason: v.string(),
  staticClientConfig: v.exactOptional(
    v.object({
      clientId: v.string(),
      publicClient: v.exactOptional(v.boolean()),
      /** Any text: the schemas name `client_credentials` alone, the runtime sends `authorization_code` too. */
      grantType: v.exactOptional(v.string()),
      /** The configured scope, for a challenge that names none. */
      scope: v.exactOptional(v.string()),
    }),
  ),
  wwwAuthenticateParams: v.exactOptional(
    v.object({
      resourceMetadataUrl: v.exactOptional(v.pipe(v.string(), v.transform(openUrl))),
      scope: v.exactOptional(v.string()),
      error: v.exactOptional(v.string()),
    }),
  ),
  /** The protected-resource metadata document (RFC 9728) as text. */
  resourceMetadata: v.exactOptional(v.string()),
  /** Whether this request takes the answer `{ kind: "runtimeRefresh" }`. */
  runtimeRefreshSupported: v.exactOptional(v.boolean()),
});

const secrets = v.looseObject({
  serverUrl: v.exactOptional(v.string()),
  staticClientConfig: v.exactOptional(v.looseObject({ clientSecret: v.exactOptional(v.string()) })),
  wwwAuthenticateParams: v.exactOptional(v.looseObject({ resourceMetadataUrl: v.exactOptional(v.string()) })),
  /** The challenge as it came: RFC 9110 section 11.6.1. */
  httpResponse: v.exactOptional(
    v.looseObject({
      statusCode: v.number(),
      headers: v.array(v.looseObject({ name: v.string(), value: v.string() })),
      body: v.exactOptional(v.string()),
    }),
  ),
});

const answer = v.variant("kind", [
  v.strictObject({
    kind: v.literal("token"),
    accessToken: v.pipe(v.string(), v.nonEmpty()),
    tokenType: v.exactOptional(v.string()),
    /** Seconds. */
    expiresIn: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  }),
  v.strictObject({ kind: v.literal("cancelled") }),
  /** The runtime refreshes by itself, with the grant of its own sign-in. `mcp.oauth_recovery_completed` says how that ended. */
  v.strictObject({ kind: v.literal("runtimeRefresh") }),
]);

export const mcpOauth = kind({
  event: "mcp.oauth_required",
  completed: "mcp.oauth_completed",
  respond: "session.mcp.oauth.handlePendingRequest",
  enabledBy: ["interest"],
  survivesRuntime: false,
  open,
  secrets,
  answer,
  intent: (whole) => [whole.serverName, whole.serverUrl],
  credential: (whole) => ({
    url: whole.serverUrl,
    clientId: whole.staticClientConfig?.clientId,
    scope: whole.wwwAuthenticateParams?.scope,
  }),
  // Connected another way, by the runtime's own sign-in for example, a server does not start any more: the runtime drops the request and says
  // nothing. Any other reason is that of a call, which waits on although the server is connected.
  overtaken: {
    by: "session.mcp_server_status_changed",
    ends: (said, data) =>
      said.status === "connected" && said.serverName === data.serverName && data.reason === "initial",
  },
  unfit: (data, given) =>
    given.kind === "runtimeRefresh" && data.runtimeRefreshSupported !== true
      ? '"runtimeRefresh" only where the request says "runtimeRefreshSupported"'
      : undefined,
  // A wider scope is asked for where the token is good and too narrow: for everybody else it stays good.
  refused: (data) => data.reason !== "initial" && data.reason !== "upscope",
  servesFor: (given) => (given.kind === "token" ? given.expiresIn : 0),
  send: (session, requestId, result, options) =>
    session.request("mcp.oauth.handlePendingRequest", { requestId, result }, options),
});
