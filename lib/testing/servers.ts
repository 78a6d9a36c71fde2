/**
 * MCP servers of a session. Nothing starts them but interest in `mcp.oauth_required`, `mcp.list`, `mcp.reload` or a turn. A server that
 * wants a token and gets none stands in `needs-auth`; where there is interest, the host is asked for one:
 *
 *   not_configured -> pending -> connected                    it wants none, or its config brings a good one
 *                     pending -> needs-auth                   nobody is interested
 *                     pending (mcp.oauth_required) -> connected | needs-auth | failed
 *
 * The first interest asks again for a server in `needs-auth`, further ones do not. `reload` and `authenticationStateChanged` ask again,
 * and supersede a request that is open without a word; `restartServer`, `disable` and `enable` end it and ask nothing.
 */
import { isRecord } from "../base/record.js";
import type { Call } from "./call.js";
import { ask, end } from "./requests.js";
import { emit, hasInterest, type Server, type ServerStatus, type Session } from "./session.js";
import { challenge, isOpen, tokenOf } from "./tokens.js";

type Data = Readonly<Record<string, unknown>>;

export const oauthRequired = "mcp.oauth_required";
export const headersRequired = "mcp.headers_refresh_required";

export function createServer(name: string, config: Data): Server {
  return {
    name,
    url: String(config.url ?? ""),
    config,
    status: "not_configured",
    started: false,
    authorized: false,
    own: false,
    reserved: [],
    waiting: [],
  };
}

export function setServers(session: Session, servers: unknown): void {
  if (!isRecord(servers)) return;
  for (const server of session.servers.values()) forget(session, server);
  session.servers.clear();
  for (const [name, config] of Object.entries(servers))
    if (isRecord(config)) session.servers.set(name, createServer(name, config));
}

export function setStatus(session: Session, server: Server, status: ServerStatus): void {
  server.status = status;
  emit(session, "session.mcp_server_status_changed", { serverName: server.name, status }, { ephemeral: true });
}

/** Ends what is asked about a server without a word. */
export function forget(session: Session, server: Server): void {
  if (server.asked) end(session, server.asked);
  server.asked = undefined;
}

function settled(server: Server): void {
  for (const resume of server.waiting.splice(0)) resume();
}

/** Starts a server; its first step comes in a turn of the event loop of its own. */
export function start(session: Session, server: Server, { asksTwice = false } = {}): void {
  forget(session, server);
  server.started = true;
  setStatus(session, server, "pending");
  const { config } = server;
  session.around.soon(() => {
    if (session.servers.get(server.name) !== server || server.status !== "pending" || server.asked) return;
    if (config.headersRefreshTtlMs !== undefined && hasInterest(session, headersRequired))
      askHeaders(session, server, { reason: "startup" });
    else knock(session, server, { asksTwice });
  });
}

export const startAll = (session: Session, options?: { asksTwice?: boolean }): void => {
  for (const server of session.servers.values())
    if (!server.started && server.status !== "disabled") start(session, server, options);
};

function knock(session: Session, server: Server, { asksTwice = false } = {}): void {
  if (isOpen(session, server)) {
    setStatus(session, server, "connected");
    settled(server);
    return;
  }
  setStatus(session, server, "needs-auth");
  if (hasInterest(session, oauthRequired)) {
    setStatus(session, server, "pending");
    askToken(session, server, { asksTwice });
  }
  settled(server);
}

/** Asks for a token at the start of a server, under an id that a test was given before where there is one. */
export function askToken(
  session: Session,
  server: Server,
  { asksTwice = false, data = {}, id }: { asksTwice?: boolean; data?: Data; id?: string } = {},
): void {
  forget(session, server);
  const reserved = id === undefined ? server.reserved.shift() : { id, data };
  server.asked = ask(
    session,
    oauthRequired,
    { ...challenge(session, server, "initial"), ...data, ...reserved?.data },
    {
      id: reserved?.id,
      settle(answer) {
        server.asked = undefined;
        const outcome = tokenOf(session, server, answer);
        if (outcome === "failed") setStatus(session, server, "failed");
        else if (outcome === "good") {
          setStatus(session, server, "pending");
          setStatus(session, server, "connected");
        } else if (outcome === "cancelled" && asksTwice && session.around.traits.asksTwice) askToken(session, server);
        else setStatus(session, server, "needs-auth");
      },
    },
  );
}

/** Asks for headers; the server waits for them. */
export function askHeaders(session: Session, server: Server, data: Data, id?: string): void {
  forget(session, server);
  const reason = String(data.reason ?? "startup");
  server.asked = ask(
    session,
    headersRequired,
    { serverName: server.name, serverUrl: server.url, ...data, reason },
    {
      id,
      settle(answer) {
        server.asked = undefined;
        if (isRecord(answer) && answer.kind === "headers") knock(session, server);
        else if (reason !== "auth-failed") askHeaders(session, server, { ...data, reason: "auth-failed" });
        else {
          setStatus(session, server, "failed");
          settled(server);
        }
      },
    },
  );
}

export function registerInterest(session: Session, eventType: string): string {
  const first = !hasInterest(session, eventType);
  session.handles += 1;
  const handle = `interest-${session.handles}`;
  session.interests.set(handle, eventType);
  if (eventType !== oauthRequired) return handle;
  for (const server of session.servers.values()) {
    if (!server.started) start(session, server, { asksTwice: true });
    else if (first && server.status === "needs-auth" && !server.asked) start(session, server);
  }
  return handle;
}

/** Resolves when no server is starting, or waits for headers, any more. */
export function whenStarted(session: Session): Promise<void> {
  startAll(session);
  const starting = [...session.servers.values()].filter(
    ({ status, asked }) => status === "pending" && asked?.kind !== oauthRequired,
  );
  return Promise.all(starting.map((server) => new Promise<void>((resolve) => server.waiting.push(resolve)))).then(
    () => undefined,
  );
}

export function listServers(session: Session): Data {
  const { newer } = session.around.traits;
  const servers = [...session.servers.values()].map(({ name, status, url }) => ({
    name,
    status,
    ...(status === "connected" ? { serverMetadata: { instructions: null } } : {}),
    ...(newer ? { url } : {}),
  }));
  const named = (status: string): string[] =>
    servers.filter((server) => server.status === status).map(({ name }) => name);
  const needsAuth = named("needs-auth").map((name) => [name, { timestamp: session.around.clock.now() }]);
  return {
    servers,
    host: {
      clients: named("connected"),
      disabledServers: named("disabled"),
      filteredServers: [],
      pendingConnections: named("pending"),
      failedServers: {},
      needsAuthServers: Object.fromEntries(needsAuth),
      mcp3pEnabled: true,
    },
  };
}

/** Stops a server, and with it what it asked. */
export function stop(session: Session, server: Server, status: ServerStatus): void {
  forget(session, server);
  setStatus(session, server, status);
  settled(server);
}

/** Starts a server anew where nobody is asked: by `restartServer` and `enable`. Returns whether it is in. */
export function restart(session: Session, server: Server): boolean {
  forget(session, server);
  server.started = true;
  setStatus(session, server, "pending");
  const isIn = isOpen(session, server);
  setStatus(session, server, isIn ? "connected" : "needs-auth");
  settled(server);
  return isIn;
}

/** What a server goes through when it is given another token: the statuses flap. */
export function reconnect(session: Session, server: Server): void {
  emit(session, "session.mcp_server_removed", { serverName: server.name }, { ephemeral: true });
  for (const status of ["not_configured", "pending", "connected"] as const) setStatus(session, server, status);
}

/** The server that data is about; one that the session does not know comes into being. */
export function serverFor(session: Session, data: Data): Server {
  const name = String(data.serverName ?? [...session.servers.keys()][0] ?? "mcp");
  const known = session.servers.get(name);
  if (known) return known;
  const url = String(data.serverUrl ?? "https://mcp.example/mcp");
  const server = createServer(name, { type: "http", url, oauthClientId: "fake-client", headersRefreshTtlMs: 60_000 });
  session.servers.set(name, server);
  server.started = true;
  return server;
}

/** The server that a call names. */
export function serverNamed({ session, params }: Call): Server {
  const server = session.servers.get(String(params.serverName));
  if (!server) throw new Error(`MCP server "${String(params.serverName)}" not found`);
  return server;
}
