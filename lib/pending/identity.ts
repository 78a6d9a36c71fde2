import { createHash } from "node:crypto";
import { rowOf } from "./kinds/table.js";
import { type PendingRequest, wholeData } from "./request.js";
import { resource, scopeSet } from "./url.js";

const key = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

/**
 * What stays the same when the runtime asks again after a restart: session, kind, and what the kind adds (server, URL).
 * A hash, because a URL may carry a secret.
 */
export function intentKey(request: PendingRequest): string {
  const asked = rowOf(request.kind).intent?.(wholeData(request)) ?? [request.requestId];
  return key(["intent", request.sessionId, request.kind, ...asked]);
}

/**
 * What one answer may serve: principal, resource (RFC 8707), client and scope (as a set). Without a principal the session
 * stands in for it, so nothing is shared; a kind whose answers serve one request only has that request as its credential.
 */
export function credentialKey(request: PendingRequest): string {
  const parts = rowOf(request.kind).credential?.(wholeData(request));
  if (parts === undefined) return key(["request", request.sessionId, request.kind, request.requestId]);
  const whose = request.principal === undefined ? { session: request.sessionId } : { principal: request.principal };
  return key(["credential", request.kind, whose, resource(parts.url), parts.clientId ?? null, scopeSet(parts.scope)]);
}
