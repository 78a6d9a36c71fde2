import { randomUUID } from "node:crypto";
import { pendingRequest } from "latchkey/pending";

export interface Asking {
  sessionId?: string;
  requestId?: string;
  principal?: string | undefined;
  serverName?: string;
  serverUrl?: string;
  clientId?: string;
  clientSecret?: string;
  scope?: string;
  reason?: string;
  body?: string;
  resourceMetadata?: string;
  endpoint?: string;
}

/** A pending OAuth request as the runtime would have made it. */
export function oauthRequest(asking: Asking = {}) {
  const event = {
    type: "mcp.oauth_required",
    data: {
      requestId: asking.requestId ?? randomUUID(),
      serverName: asking.serverName ?? "files",
      serverUrl: asking.serverUrl ?? "https://files.example/mcp",
      reason: asking.reason ?? "initial",
      staticClientConfig: {
        clientId: asking.clientId ?? "client-1",
        ...(asking.clientSecret !== undefined && { clientSecret: asking.clientSecret }),
      },
      wwwAuthenticateParams: { scope: asking.scope ?? "mcp.read" },
      ...(asking.resourceMetadata !== undefined && { resourceMetadata: asking.resourceMetadata }),
      ...(asking.body !== undefined && {
        httpResponse: { statusCode: 401, headers: [{ name: "WWW-Authenticate", value: "Bearer" }], body: asking.body },
      }),
    },
  } as const;
  const principal = "principal" in asking ? asking.principal : "ada";
  return pendingRequest(event, { sessionId: asking.sessionId ?? randomUUID(), principal, endpoint: asking.endpoint });
}

/** A pending permission request: its id outlives the runtime, and its answer serves nobody else. */
export function permissionRequest(asking: { sessionId?: string; requestId?: string; toolCallId?: string } = {}) {
  return pendingRequest(
    {
      type: "permission.requested",
      data: {
        requestId: asking.requestId ?? randomUUID(),
        permissionRequest: { kind: "shell", toolCallId: asking.toolCallId ?? randomUUID() },
      },
    } as const,
    { sessionId: asking.sessionId ?? randomUUID(), principal: "ada" },
  );
}

export const token = (accessToken: string, expiresIn?: number) =>
  ({ kind: "token", accessToken, ...(expiresIn !== undefined && { expiresIn }) }) as const;
