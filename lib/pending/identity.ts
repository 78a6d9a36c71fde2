import { createHash } from "node:crypto";
import { scopesIn } from "../base/scope.js";
import { rowOf } from "./kinds/table.js";
import { type PendingRequest, wholeData } from "./request.js";
import { openUrl, resource } from "./url.js";

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

/** On whose behalf. Without a principal the session stands in for it, so nothing is shared between sessions. */
const whose = (request: PendingRequest): object =>
  request.principal === undefined ? { session: request.sessionId } : { principal: request.principal };

/**
 * What one answer may serve: principal, resource (RFC 8707), client and scope (as a set). Without a principal the session
 * stands in for it, so nothing is shared; a kind whose answers serve one request only has that request as its credential.
 */
export function credentialKey(request: PendingRequest): string {
  const parts = rowOf(request.kind).credential?.(wholeData(request));
  if (parts === undefined) return key(["request", request.sessionId, request.kind, request.requestId]);
  const scope = scopesIn(parts.scope).sort();
  return key(["credential", request.kind, whose(request), resource(parts.url), parts.clientId ?? null, scope]);
}

/** What is obtained for all credentials of one principal, resource and client, and what of it may be shown. Undefined for a kind that has no server. */
export function grantOf(
  request: PendingRequest,
): { key: string; server: string; client: string | undefined } | undefined {
  const parts = rowOf(request.kind).credential?.(wholeData(request));
  if (parts === undefined) return undefined;
  const { url, clientId } = parts;
  const whole = key(["grant", request.kind, whose(request), resource(url), clientId ?? null]);
  return { key: whole, server: openUrl(url), client: clientId };
}
