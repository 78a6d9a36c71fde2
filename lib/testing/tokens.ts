/** What a server wants and takes: the tokens that a session has for it, and what the runtime tells of a refusal. */
import { isRecord } from "../base/record.js";
import type { Server, Session } from "./session.js";

type Data = Readonly<Record<string, unknown>>;

/** Whether the server lets the session in as things stand. */
export function isOpen(session: Session, server: Server): boolean {
  const { config } = server;
  if (config.oauthClientId === undefined) return true;
  if (server.authorized) return server.token === undefined || takes(session, server, server.token);
  const token = isRecord(config.headers) ? bearer(config.headers) : undefined;
  return token !== undefined && takes(session, server, token);
}

function bearer(headers: Data): string | undefined {
  const [, value] = Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization") ?? [];
  return /^Bearer (.+)$/.exec(String(value))?.[1];
}

const takes = (session: Session, { name, url }: Server, token: string): boolean =>
  session.around.accepts(token, { serverName: name, serverUrl: url, sessionId: session.id });

/** What an answer is to the server. It stays good for this load. */
export function tokenOf(session: Session, server: Server, answer: unknown): "good" | "bad" | "cancelled" | "failed" {
  if (!isRecord(answer) || answer.kind === "cancelled") return "cancelled";
  // With the grant of its own sign-in; where the token was the host's there is none.
  if (answer.kind === "runtimeRefresh") return server.own ? "good" : "cancelled";
  const token = String(answer.accessToken);
  // Not to be sent in a header: nothing is, and nobody is asked again.
  if (!/^[\x21-\x7e]+$/.test(token)) return "failed";
  server.own = false;
  server.token = token;
  server.authorized = takes(session, server, token);
  return server.authorized ? "good" : "bad";
}

/** What the runtime tells of the refusal that it asks because of. */
export function challenge(session: Session, server: Server, reason: string): Data {
  const { oauthClientId, oauthPublicClient } = server.config;
  const place = URL.canParse(server.url) ? new URL(server.url) : undefined;
  // RFC 9728, section 3.1: the path of the resource follows the well-known one.
  const path = `/.well-known/oauth-protected-resource${place?.pathname === "/" ? "" : place?.pathname}`;
  const metadata = place ? { wwwAuthenticateParams: { resourceMetadataUrl: new URL(path, place).href } } : {};
  return {
    serverName: server.name,
    serverUrl: server.url,
    reason,
    ...(typeof oauthClientId === "string"
      ? { staticClientConfig: { clientId: oauthClientId, publicClient: oauthPublicClient === true } }
      : {}),
    ...metadata,
    ...(session.around.traits.newer && reason !== "initial" ? { runtimeRefreshSupported: true } : {}),
  };
}
