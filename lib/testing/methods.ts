/** What the fake does for each method that it knows. Names are without `session.` in the table of a session's own methods. */

import { isRecord } from "../base/record.js";
import { enqueueCommand, executeCommand } from "./commands.js";
import { breakOff, detach, shutDown } from "./lifecycle.js";
import { shownBy } from "./log.js";
import type { Peer } from "./peer.js";
import { answer, answeringMethods, ask, open } from "./requests.js";
import {
  challenge,
  listServers,
  oauthRequired,
  reconnect,
  registerInterest,
  restart,
  start,
  stop,
  tokenOf,
  whenStarted,
} from "./servers.js";
import { capabilities, emit, hasInterest, type Server, type Session } from "./session.js";
import { beginTurn } from "./turn.js";

type Params = Readonly<Record<string, unknown>>;

export interface Call {
  readonly session: Session;
  readonly peer: Peer;
  readonly params: Params;
  /** Runs when the response is on the wire. */
  after(act: () => void): void;
}

type Handler = (call: Call) => unknown;

const longestWaitMs = 30_000;

/** `eventLog.read`: with `waitMs` it waits for an event where there is none. */
function read({ session, params }: Call): unknown {
  const page = session.log.read(params);
  const waitMs = typeof params.waitMs === "number" ? Math.min(params.waitMs, longestWaitMs) : 0;
  if (page.events.length > 0 || page.hasMore || !(waitMs > 0) || params.direction === "backward") return page;
  const { clock, traits } = session.around;
  const shown = shownBy(params);
  return new Promise((resolve) => {
    let unhear: () => void = () => undefined;
    const finish = (): void => {
      undo();
      unhear();
      resolve(session.log.read({ ...params, cursor: params.cursor ?? page.cursor }));
    };
    const undo = clock.after(waitMs, finish);
    const listen = (): void => {
      unhear = session.log.next((event) => {
        if (traits.anyEventEndsPoll || shown(event)) finish();
        else listen();
      });
    };
    listen();
  });
}

function send({ session, params, after }: Call): unknown {
  const messageId = session.around.random.uuid();
  const prompt = String(params.prompt ?? "");
  const mode = typeof params.agentMode === "string" ? params.agentMode : undefined;
  after(() => {
    if (!session.loaded) return;
    if (session.turn) {
      session.queue.push({ prompt, mode, messageId });
      return;
    }
    const turn = beginTurn(session, prompt, { mode, messageId });
    session.around.soon(() => session.goOn(turn));
  });
  return { messageId };
}

function named({ session, params }: Call): Server {
  const server = session.servers.get(String(params.serverName));
  if (!server) throw new Error(`MCP server "${String(params.serverName)}" not found`);
  return server;
}

function restartServer(call: Call): unknown {
  const server = named(call);
  stop(call.session, server, "not_configured");
  if (!restart(call.session, server)) throw new Error(`MCP server "${server.name}" requires authentication`);
  return {};
}

/** Supersedes a request that is open, and asks again where there is interest; it answers with an error all the same. */
function authenticationStateChanged(call: Call): unknown {
  const server = named(call);
  start(call.session, server);
  if (server.authorized || server.config.oauthClientId === undefined) return {};
  throw new Error(`MCP server "${server.name}" still requires authentication`);
}

/** A call of an MCP app. Where the server refuses the token, the caller waits until the host has brought another. */
function callTool(call: Call): Promise<unknown> {
  const { session, params } = call;
  if (!capabilities(session).ui.mcpApps) throw new Error("mcp-apps capability is not available");
  const server = named(call);
  const text = isRecord(params.arguments) ? String(params.arguments.text ?? "done") : "done";
  const result = { content: [{ type: "text", text }] };
  if (server.authorized || server.config.oauthClientId === undefined) return Promise.resolve(result);
  if (!hasInterest(session, oauthRequired)) throw new Error("Re-authentication required");
  return new Promise((resolve, reject) => {
    server.asked = ask(session, oauthRequired, challenge(session, server, "refresh"), {
      fail: reject,
      settle(given) {
        server.asked = undefined;
        if (tokenOf(session, server, given) !== "good") {
          reject(new Error("Re-authentication required"));
          return;
        }
        reconnect(session, server);
        resolve(result);
      },
    });
  });
}

function elicit({ session, params }: Call): Promise<unknown> {
  const { message, requestedSchema } = params;
  return new Promise((resolve, reject) => {
    ask(session, "elicitation.requested", { message, requestedSchema }, { settle: resolve, fail: reject });
  });
}

function reload({ session }: Call): unknown {
  for (const server of session.servers.values()) if (server.status !== "disabled") start(session, server);
  return {};
}

const pendingPermissions = ({ session }: Call): unknown => ({
  items: [
    ...open(session).flatMap(({ id, kind, call }) =>
      kind === "permission.requested" ? [{ requestId: id, request: permissionOf(session, id, call?.id) }] : [],
    ),
    ...session.ghosts,
  ],
});

/** The prompt of a permission, as its event has it. */
function permissionOf(session: Session, requestId: string, toolCallId: string | undefined): unknown {
  const asking = session.stored.events.find(
    ({ type, data }) => type === "permission.requested" && data.requestId === requestId,
  );
  return asking?.data.promptRequest ?? { kind: "mcp", toolCallId };
}

const pendingTools = ({ session }: Call): unknown => ({
  items: open(session).flatMap(({ id, kind, data }) =>
    kind === "external_tool.requested" ? [{ requestId: id, ...data }] : [],
  ),
});

function log({ session, params }: Call): unknown {
  const data = { infoType: "notification", message: params.message };
  return { eventId: emit(session, "session.info", data, { ephemeral: params.ephemeral === true }).id };
}

function snapshot({ session }: Call): unknown {
  const { folder } = session.around;
  return {
    sessionId: session.id,
    startTime: session.stored.startTime,
    modifiedTime: session.modified,
    isRemote: false,
    workspacePath: `${folder}/session-state/${session.id}`,
    workingDirectory: folder,
    currentMode: session.mode,
    selectedModel: session.model ?? null,
  };
}

const ended =
  (reason: string, before?: (session: Session) => void): Handler =>
  ({ session }) => {
    before?.(session);
    breakOff(session, reason);
    return {};
  };

/** Methods of a loaded session. `session.resume` and `sessions.close` are not among them: they do not queue as these do. */
export const sessionMethods: Readonly<Record<string, Handler>> = {
  send,
  log,
  "eventLog.read": read,
  "eventLog.tail": ({ session }) => ({ cursor: session.log.tail() }),
  "eventLog.registerInterest": ({ session, params }) => ({
    handle: registerInterest(session, String(params.eventType ?? "")),
  }),
  "eventLog.releaseInterest": ({ session, params }) => {
    session.interests.delete(String(params.handle));
    return { success: true };
  },
  ...Object.fromEntries(
    answeringMethods.map((name): [string, Handler] => [name, ({ session, params }) => answer(session, name, params)]),
  ),
  "permissions.pendingRequests": pendingPermissions,
  "tools.listPendingRequests": pendingTools,
  "tools.getCurrentMetadata": ({ session }) => ({
    tools: [...session.attached.values()].flatMap(({ tools }) => tools).map((name) => ({ name })),
  }),
  "mcp.list": async ({ session }) => {
    await whenStarted(session);
    return listServers(session);
  },
  "mcp.reload": reload,
  "mcp.restartServer": restartServer,
  "mcp.disable": (call) => {
    stop(call.session, named(call), "disabled");
    return {};
  },
  "mcp.enable": (call) => {
    restart(call.session, named(call));
    return {};
  },
  "mcp.oauth.authenticationStateChanged": authenticationStateChanged,
  "mcp.apps.callTool": callTool,
  "ui.elicitation": elicit,
  "commands.execute": async ({ session, params }) => {
    await executeCommand(session, params);
    return {};
  },
  "commands.enqueue": ({ session, params, after }) => {
    after(() => enqueueCommand(session, String(params.command)));
    return { queued: true, ...(session.around.traits.newer ? { queueId: "0" } : {}) };
  },
  "commands.list": ({ session }) => ({
    commands: [...session.attached.values()]
      .flatMap(({ commands }) => commands)
      .map((command) => ({ kind: "client", ...command })),
  }),
  suspend: ended("Session suspended"),
  abort: ended("Session aborted", (session) => {
    if (session.turn) emit(session, "abort", { reason: "user_initiated" });
  }),
  shutdown: ({ session }) => {
    shutDown(session);
    return {};
  },
  destroy: ({ session, peer }) => ({ success: detach(session, peer) }),
  detach: ({ session, peer }) => ({ success: detach(session, peer) }),
  "mode.get": ({ session }) => session.mode,
  "mode.set": ({ session, params }) => {
    session.mode = String(params.mode);
    return {};
  },
  "model.getCurrent": ({ session }) => ({ modelId: session.model }),
  "model.switchTo": ({ session, params }) => {
    session.model = params.modelId;
    return { modelId: session.model };
  },
  "name.get": ({ session }) => ({ name: session.name }),
  "name.set": ({ session, params }) => {
    session.name = String(params.name);
    return {};
  },
  "metadata.snapshot": snapshot,
  "options.update": () => ({ success: true }),
  getMessages: ({ session }) => ({ events: session.stored.events }),
};
