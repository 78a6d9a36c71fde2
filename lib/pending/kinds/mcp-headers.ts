import * as v from "valibot";
import { ValidationError } from "../../base/errors.js";
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

/** Lines `Name: value`. The error does not show the line, which may be secret. */
function readHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of text.split(/\r?\n/).filter((each) => each.trim() !== "")) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw noHeaders('lines "Name: value"');
    headers[name] = value;
  }
  if (Object.keys(headers).length === 0) throw noHeaders('at least one line "Name: value"');
  return headers;
}

const noHeaders = (expected: string): ValidationError =>
  new ValidationError("answer to mcp.headers_refresh_required", [{ path: "headers", expected }]);

/** `mcp.headers_refresh_required`: needs interest and `headersRefreshTtlMs` in the server's config, both. */
export const mcpHeaders = kind({
  event: "mcp.headers_refresh_required",
  completed: "mcp.headers_refresh_completed",
  respond: "session.mcp.headers.handlePendingHeadersRefreshRequest",
  enabledBy: ["interest"],
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
      v.transform(({ ttlMs, ...answer }): Headers => (ttlMs === undefined ? answer : { ...answer, ttlMs })),
    ),
    v.strictObject({ kind: v.literal("none") }),
    v.strictObject({ kind: v.literal("error"), message: v.string() }),
  ]),
})({
  send: (session, requestId, answer, options) => {
    // As with tokens: what serves one request only has no lifetime to tell.
    const { ttlMs, ...rest } = answer.kind === "headers" ? answer : { ...answer, ttlMs: undefined };
    const result = ttlMs ? { ...rest, ttlMs } : rest;
    return session.request("mcp.headers.handlePendingHeadersRefreshRequest", { requestId, result }, options);
  },
  title: "Headers",
  summary: (data) => [data.serverName, data.reason],
  yes: undefined,
  no: (message) => (message === undefined ? { kind: "none" } : { kind: "error", message }),
  text: {
    prompt: "Header (Name: value)",
    secret: true,
    toAnswer: (text, { expiresIn }) => ({
      kind: "headers",
      headers: readHeaders(text),
      ...(expiresIn === undefined ? {} : { ttlMs: expiresIn * 1000 }),
    }),
  },
  intent: (whole) => [whole.serverName, whole.serverUrl],
  credential: (whole) => ({ url: whole.serverUrl }),
  servesFor: (answer) => {
    if (answer.kind !== "headers") return 0;
    return answer.ttlMs === undefined ? undefined : answer.ttlMs / 1000;
  },
  refused: (data) => data.reason !== "startup",
  seed: false,
  survivesRuntime: false,
  askedAgain: true,
  retriesToolCall: false,
  // Outside of a turn it is `mcp.list` that asks.
  blocks: (_, { turn }) => !turn,
  blocksServerList: true,
});
