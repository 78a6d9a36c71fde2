import * as v from "valibot";
import { isRecord } from "../../base/record.js";
import { redactJson, redactText } from "../../base/redact.js";
import { scopesIn } from "../../base/scope.js";
import { openUrl } from "../url.js";
import { accessToken, tokenType } from "./http.js";
import { kind } from "./kind.js";
import { lifetime } from "./shapes.js";

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
      /** The configured scope, for a challenge without one. */
      scope: v.exactOptional(v.string()),
    }),
  ),
  wwwAuthenticateParams: v.exactOptional(
    v.object({
      resourceMetadataUrl: v.exactOptional(v.pipe(v.string(), v.transform(openUrl))),
      scope: v.exactOptional(v.string()),
      error: v.exactOptional(v.pipe(v.string(), v.transform(redactText))),
    }),
  ),
  /** The protected-resource metadata document (RFC 9728) as text, the queries of its URLs hidden; whole under `secrets` where it has any. */
  resourceMetadata: v.exactOptional(v.pipe(v.string(), v.transform(redactJson))),
  /** Whether this request takes the answer `{ kind: "runtimeRefresh" }`. */
  runtimeRefreshSupported: v.exactOptional(v.boolean()),
});

const secrets = v.looseObject({
  serverUrl: v.exactOptional(v.string()),
  staticClientConfig: v.exactOptional(v.looseObject({ clientSecret: v.exactOptional(v.string()) })),
  wwwAuthenticateParams: v.exactOptional(
    v.looseObject({ resourceMetadataUrl: v.exactOptional(v.string()), error: v.exactOptional(v.string()) }),
  ),
  resourceMetadata: v.exactOptional(v.string()),
  /** The challenge as it came: RFC 9110 section 11.6.1. */
  httpResponse: v.exactOptional(
    v.looseObject({
      statusCode: v.number(),
      headers: v.array(v.looseObject({ name: v.string(), value: v.string() })),
      body: v.exactOptional(v.string()),
    }),
  ),
});

type Token = {
  kind: "token";
  accessToken: string;
  tokenType?: string;
  /** Seconds; 0: it may serve no other request. */
  expiresIn?: number;
};

const answer = v.variant("kind", [
  v.pipe(
    v.strictObject({
      kind: v.literal("token"),
      accessToken,
      tokenType: v.exactOptional(v.nullable(tokenType)),
      /** Seconds. */
      expiresIn: v.exactOptional(lifetime(1)),
    }),
    v.transform(
      ({ tokenType: scheme, expiresIn, ...token }): Token => ({
        ...token,
        ...(scheme == null ? {} : { tokenType: scheme }),
        ...(expiresIn === undefined ? {} : { expiresIn }),
      }),
    ),
  ),
  v.strictObject({ kind: v.literal("cancelled") }),
  /** The runtime refreshes by itself, with the grant of its own sign-in. `mcp.oauth_recovery_completed` says how that ended. */
  v.strictObject({ kind: v.literal("runtimeRefresh") }),
]);

/** For `scope=""` runtime 1.0.85 says that the scope is two quotation marks, which 1.0.102 leaves out: it is no scope. */
function tidy(data: Record<string, unknown>): Record<string, unknown> {
  const { wwwAuthenticateParams: params } = data;
  if (!isRecord(params) || typeof params.scope !== "string" || scopesIn(params.scope).length > 0) return data;
  const { scope: _, ...rest } = params;
  return { ...data, wwwAuthenticateParams: rest };
}

export const mcpOauth = kind({
  event: "mcp.oauth_required",
  completed: "mcp.oauth_completed",
  respond: "session.mcp.oauth.handlePendingRequest",
  enabledBy: ["interest"],
  tidy,
  open,
  secrets,
  answer,
})({
  unfit: (data, { kind: variant }) =>
    variant === "runtimeRefresh" && data.runtimeRefreshSupported !== true
      ? '"runtimeRefresh" only where the request says "runtimeRefreshSupported"'
      : undefined,
  send: (session, requestId, answer, options) => {
    // The runtime counts from 1; what serves one request only has no lifetime to tell.
    const { expiresIn, ...rest } = answer.kind === "token" ? answer : { ...answer, expiresIn: undefined };
    const result = expiresIn ? { ...rest, expiresIn } : rest;
    return session.request("mcp.oauth.handlePendingRequest", { requestId, result }, options);
  },
  title: "Sign-in",
  summary: (data) => [data.serverName, data.reason, data.wwwAuthenticateParams?.scope],
  yes: undefined,
  no: () => ({ kind: "cancelled" }),
  text: {
    prompt: "Access token",
    secret: true,
    toAnswer: (token, { expiresIn, tokenType: scheme }) => ({
      kind: "token",
      accessToken: token.trim(),
      ...(scheme === undefined ? {} : { tokenType: scheme }),
      ...(expiresIn === undefined ? {} : { expiresIn }),
    }),
  },
  intent: (whole) => [whole.serverName, whole.serverUrl],
  credential: (whole) => ({
    url: whole.serverUrl,
    clientId: whole.staticClientConfig?.clientId,
    scope: [whole.wwwAuthenticateParams?.scope, whole.staticClientConfig?.scope].find(
      (scope) => scopesIn(scope).length > 0,
    ),
  }),
  servesFor: (answer) => (answer.kind === "token" ? answer.expiresIn : 0),
  // A wider scope is asked for where the token is good and too narrow: for everybody else it stays good.
  refused: (data) => data.reason !== "initial" && data.reason !== "upscope",
  seed: (whole, answer) =>
    answer.kind === "token"
      ? {
          serverName: whole.serverName,
          url: whole.serverUrl,
          clientId: whole.staticClientConfig?.clientId,
          headers: { Authorization: `${answer.tokenType ?? "Bearer"} ${answer.accessToken}` },
        }
      : undefined,
  survivesRuntime: false,
  askedAgain: true,
  retriesToolCall: true,
  // Another token than the first is asked for by a call; outside of a tool call that is `mcp.apps.callTool`. A server that starts asks for
  // its first one, and so may a call: that cannot be told, and the server does no harm.
  blocks: (data, { toolCall }) => data.reason !== "initial" && !toolCall,
  serverInNeed: (data) => data.serverName,
  // Connected another way, by the runtime's own sign-in for example, a server does not start any more: the runtime drops the request and says
  // nothing. Any other reason is that of a call, which waits on although the server is connected.
  overtaken: {
    by: "session.mcp_server_status_changed",
    ends: (said, data) =>
      said.status === "connected" && said.serverName === data.serverName && data.reason === "initial",
  },
});
