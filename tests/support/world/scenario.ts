import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type Rpc, type Runtime, type Session, startRuntime } from "latchkey/rpc";
import type { SessionCreateParams } from "../../../lib/protocol/index.js";
import { type AuthorizationOptions, type AuthorizationServer, startAuthorization } from "./authorization.js";
import { startFakeTestRuntime } from "./fake.js";
import { type McpServer, startMcpServer } from "./mcp-server.js";
import { type Model, type Reply, startModel } from "./model.js";
import { reap, reaped } from "./reaper.js";
import type { RuntimeUnderTest } from "./runtimes.js";
import { type Places, serverName, sessionParams } from "./session-params.js";
import { linkUnpacked } from "./unpacked.js";

/** The servers of one scenario and what a session needs to find them. */
export interface World extends AsyncDisposable {
  readonly authorization: AuthorizationServer;
  readonly mcp: McpServer;
  readonly model: Model;
  /** What another process needs to make the same params. */
  readonly places: Places;
  /** Params of `session.create` for a session whose MCP server wants OAuth and whose model plays the script. */
  sessionParams(): SessionCreateParams;
  close(): Promise<void>;
}

export async function openWorld(options: AuthorizationOptions & { script?: readonly Reply[] } = {}): Promise<World> {
  const authorization = await startAuthorization(options);
  const mcp = await startMcpServer({ authorization });
  const model = await startModel(...(options.script ?? []));
  const places: Places = { modelUrl: model.baseUrl, mcpUrl: mcp.endpoint };
  const close = async (): Promise<void> => {
    worlds.delete(world);
    await Promise.all([authorization.close(), mcp.close(), model.close()]);
  };
  const world: World = {
    authorization,
    mcp,
    model,
    places,
    sessionParams: () => sessionParams(places),
    close,
    [Symbol.asyncDispose]: close,
  };
  worlds.add(world);
  return world;
}

/** Those that are open: the fake runtime looks up there what a real one would ask over HTTP. */
const worlds = new Set<World>();

/** A runtime in a home of its own. */
export interface TestRuntime extends AsyncDisposable {
  readonly under: RuntimeUnderTest;
  readonly home: string;
  readonly runtime: Runtime;
  connect(): Promise<Rpc>;
  /** Kills the runtime without warning and starts it again in the same home, on another port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface TestRuntimeOptions {
  /** Added to the runtime's environment. */
  readonly env?: Record<string, string>;
}

/** Turns on `mcp.apps.callTool`, for sessions that ask for it by `requestMcpApps`. */
export const mcpApps = { COPILOT_MCP_APPS: "true" };

export async function startTestRuntime(
  under: RuntimeUnderTest,
  { env = {} }: TestRuntimeOptions = {},
): Promise<TestRuntime> {
  if (under.fake) return await startFakeTestRuntime(under, worlds);
  const home = await mkdtemp(join(tmpdir(), "latchkey-home-"));
  const start = async (): Promise<Runtime> => {
    const started = await startRuntime({ path: under.path, home, cwd: home, env });
    reap(started.pid);
    void started.exited.then(() => reaped(started.pid));
    return started;
  };
  let runtime = await linkUnpacked(under, home)
    .then(start)
    .catch(async (error: unknown) => {
      await discard(home);
      throw error;
    });
  const close = async (): Promise<void> => {
    await runtime.stop();
    await discard(home);
  };
  return {
    under,
    home,
    get runtime() {
      return runtime;
    },
    connect: () => connect(runtime.endpoint, { token: runtime.token }),
    async restart() {
      process.kill(runtime.pid, "SIGKILL");
      await runtime.exited;
      runtime = await start();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function discard(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Makes an error in a listener of these events an uncaught one, so that it ends the program instead of a wait. */
export function exposeErrors(events: {
  on(type: "listener:error", handler: (failure: { error: unknown }) => void): unknown;
}): void {
  events.on("listener:error", ({ error }) =>
    queueMicrotask(() => {
      throw error;
    }),
  );
}

/** Approves every permission that the session asks for. Returns what ends it. */
export function approvePermissions(session: Session): () => void {
  return session.events.on("permission.requested", ({ data: { requestId } }) =>
    session.request("permissions.handlePendingPermissionRequest", { requestId, result: { kind: "approve-once" } }),
  );
}

/** Sends one prompt and resolves when the session is idle again. */
export async function runTurn(session: Session, prompt: string, options: { timeoutMs?: number } = {}): Promise<void> {
  const idle = session.events.wait("session.idle", { timeoutMs: options.timeoutMs ?? 20_000 });
  await Promise.all([idle, session.request("send", { prompt })]);
}

/** Resolves when the session's MCP server has this status, at once if it has it already. */
export async function serverStatus(
  session: Session,
  status: string,
  options: { timeoutMs?: number } = {},
): Promise<void> {
  const enough = new AbortController();
  const changed = session.events.wait("session.mcp_server_status_changed", {
    where: ({ data }) => data.serverName === serverName && data.status === status,
    timeoutMs: options.timeoutMs ?? 20_000,
    signal: enough.signal,
  });
  const listed = session.request("mcp.list").then(async ({ servers }) => {
    if (!servers.some((server) => server.name === serverName && server.status === status)) await changed;
  });
  try {
    await Promise.race([changed, listed]);
  } finally {
    enough.abort();
  }
}

/** Resolves when the runtime has unloaded the session: it tells nobody, so it is asked until it does not know it. */
export async function unloaded(outsider: Rpc, sessionId: string): Promise<void> {
  for (;;) {
    const gone = await outsider
      .session(sessionId)
      .request("eventLog.tail")
      .then(
        () => false,
        (error: Error & { code: string }) => error.code === "SESSION_NOT_FOUND",
      );
    if (gone) return;
    await delay(5);
  }
}
