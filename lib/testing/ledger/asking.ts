/** What the contract asks: requests as a runtime would have made them, and the answers to them. */
import { randomUUID } from "node:crypto";
import type { PendingRequest, pendingRequest } from "../../pending/index.js";

/** What a request for a token is about; what is left out is the same for all. */
export interface Asking {
  readonly sessionId?: string | undefined;
  readonly requestId?: string;
  readonly principal?: string | undefined;
  readonly serverName?: string;
  readonly serverUrl?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly scope?: string;
  readonly reason?: string;
  /** The body of the server's refusal: a secret. */
  readonly body?: string;
  readonly resourceMetadata?: string;
  readonly endpoint?: string;
}

/** What a request for a permission is about. */
export interface AskingPermission {
  readonly sessionId?: string;
  readonly requestId?: string;
  readonly toolCallId?: string;
}

/** Makes requests. */
export interface Askers {
  /** A request for a token: its answer serves every request of the same credential. */
  oauthRequest(asking?: Asking): PendingRequest<"mcp.oauth_required">;
  /** A request for a permission: its id outlives the runtime, and its answer serves nobody else. */
  permissionRequest(asking?: AskingPermission): PendingRequest<"permission.requested">;
}

/** The makers of requests, over the function that makes one of an event. */
export function askers(make: typeof pendingRequest): Askers {
  return {
    oauthRequest(asking = {}) {
      const event = { type: "mcp.oauth_required", data: oauthData(asking) } as const;
      const principal = "principal" in asking ? asking.principal : "ada";
      return make(event, { sessionId: asking.sessionId ?? randomUUID(), principal, endpoint: asking.endpoint });
    },
    permissionRequest({ sessionId = randomUUID(), requestId = randomUUID(), toolCallId = randomUUID() } = {}) {
      const data = { requestId, permissionRequest: { kind: "shell", toolCallId } };
      return make({ type: "permission.requested", data } as const, { sessionId, principal: "ada" });
    },
  };
}

function oauthData(asking: Asking) {
  const { clientSecret, resourceMetadata, body } = asking;
  const headers = [{ name: "WWW-Authenticate", value: "Bearer" }];
  return {
    requestId: asking.requestId ?? randomUUID(),
    serverName: asking.serverName ?? "files",
    serverUrl: asking.serverUrl ?? "https://files.example/mcp",
    reason: asking.reason ?? "initial",
    staticClientConfig: {
      clientId: asking.clientId ?? "client-1",
      ...(clientSecret !== undefined && { clientSecret }),
    },
    wwwAuthenticateParams: { scope: asking.scope ?? "mcp.read" },
    ...(resourceMetadata !== undefined && { resourceMetadata }),
    ...(body !== undefined && { httpResponse: { statusCode: 401, headers, body } }),
  };
}

/** An answer with this token. `expiresIn` is in seconds. */
export const token = (accessToken: string, expiresIn?: number) =>
  ({ kind: "token", accessToken, ...(expiresIn !== undefined && { expiresIn }) }) as const;

let servers = 0;

/** A server that no other request is about. */
export function elsewhere(): { readonly serverName: string; readonly serverUrl: string } {
  servers += 1;
  return { serverName: `server-${servers}`, serverUrl: `https://server-${servers}.example/mcp` };
}
