import * as v from "valibot";
import { openUrl } from "../url.js";
import { kind } from "./kind.js";
import { count } from "./shapes.js";

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
    v.strictObject({
      kind: v.literal("headers"),
      headers: v.record(v.string(), v.string()),
      /** Milliseconds. */
      ttlMs: v.exactOptional(count),
    }),
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
  send: (session, requestId, result, options) =>
    session.request("mcp.headers.handlePendingHeadersRefreshRequest", { requestId, result }, options),
});
