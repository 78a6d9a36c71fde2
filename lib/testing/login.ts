/**
 * The runtime's own sign-in to an MCP server: begun with the place that a browser comes back to, finished once, by any connection, with the
 * URL that it came back to. Only the newer runtime can do the second half. It lives and dies with the session's load.
 */
import type { Call, Handlers } from "./call.js";
import { forget, serverNamed, setStatus } from "./servers.js";
import type { Server, Session } from "./session.js";
import { isOpen } from "./tokens.js";

function begin(call: Call): unknown {
  const { session, params } = call;
  const { random, traits } = session.around;
  const server = serverNamed(call);
  if (server.own && isOpen(session, server)) return {};
  if ([...session.logins.values()].includes(server))
    throw new Error(`OAuth login for MCP server "${server.name}" is already in progress`);
  const { redirectUri } = params;
  const authorizationId = random.uuid();
  const url = new URL("https://login.invalid/authorize");
  url.searchParams.set("state", authorizationId);
  if (typeof redirectUri === "string") url.searchParams.set("redirect_uri", redirectUri);
  if (!traits.newer || redirectUri === undefined) return { authorizationUrl: url.href };
  session.logins.set(authorizationId, server);
  return { authorizationUrl: url.href, authorizationId };
}

function finish({ session, params }: Call): null {
  const { authorizationId, callbackUrl } = params;
  const server = session.logins.get(String(authorizationId));
  const callback = URL.canParse(String(callbackUrl)) ? new URL(String(callbackUrl)) : undefined;
  if (!server || callback?.searchParams.get("state") !== authorizationId)
    throw new Error(`OAuth authorization ${String(authorizationId)} is unknown or no longer pending`);
  const error = callback?.searchParams.get("error");
  if (error) throw new Error(`OAuth authorization failed: ${error}`);
  session.logins.delete(String(authorizationId));
  connect(session, server);
  return null;
}

/** The server is in. What it was asked for at its start is dropped without a word; what a call waits for stays. */
function connect(session: Session, server: Server): void {
  if (server.asked && !server.asked.call) forget(session, server);
  server.authorized = true;
  server.own = true;
  server.token = undefined;
  setStatus(session, server, "pending");
  setStatus(session, server, "connected");
}

export const loginMethods: Handlers = { "mcp.oauth.login": begin, "mcp.oauth.complete": finish };
