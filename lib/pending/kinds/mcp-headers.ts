import * as v from "valibot";
import { openUrl } from "../url.js";
import { headers } from "./http.js";
import { kind } from "./kind.js";
import { lifetime } from "./shapes.js";

type Headers = {
  kind: "headers";
  headers: Record<string, string>;
  /** Milliseconds; 0: they may serve no other request. */
  ttlMs?: number;
};

/** `mcp.headers_refresh_required`: needs interest and `headersRefreshTtlMs` in the server's config, both. */
export const mcpHeaders = kind({
  event: "mcp.headers_refresh_required",
  completed: "mcp.headers_refresh_completed",
  respond: "session.mcp.headers.handlePendingHeadersRefreshRequest",
  enabledBy: ["interest"],
  survivesRuntime: false,
  open: v.object({
    requestId: v.string(),
    serverName: v.string(),
    /** Without user info and query; whole under `secrets` where it has them. */
    serverUrl: v.pipe(v.string(), v.transform(openUrl)),
    reason: v.string(),
  }),
  secrets: v.looseObject({ serverUrl: v.exactOptional(v.string()) }),
  answer: v.variant("kind", [
    v.pipe(
      v.strictObject({
        kind: v.literal("headers"),
        headers,
        /** Milliseconds. */
        ttlMs: v.exactOptional(lifetime(1000)),
      }),
      v.transform(({ ttlMs, ...given }): Headers => (ttlMs === undefined ? given : { ...given, ttlMs })),
    ),
    v.strictObject({ kind: v.literal("none") }),
    v.strictObject({ kind: v.literal("error"), message: v.string() }),
  ]),
  intent: (whole) => [whole.serverName, whole.serverUrl],
  credential: (whole) => ({ url: whole.serverUrl }),
  refused: (data) => data.reason !== "startup",
  servesFor: (given) => {
    if (given.kind !== "headers") return 0;
    return given.ttlMs === undefined ? undefined : given.ttlMs / 1000;
  },
  send: (session, requestId, given, options) => {
    // As with tokens: what serves one request only has no lifetime to tell.
    const { ttlMs, ...rest } = given.kind === "headers" ? given : { ...given, ttlMs: undefined };
    const result = ttlMs ? { ...rest, ttlMs } : rest;
    return session.request("mcp.headers.handlePendingHeadersRefreshRequest", { requestId, result }, options);
  },
});
