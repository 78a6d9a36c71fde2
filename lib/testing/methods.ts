/** What the fake does for each method that it knows. Names are without `session.` in the table of a session's own methods. */

import type { Call, Handler, Handlers } from "./call.js";
import { enqueueCommand, executeCommand } from "./commands.js";
import { breakOff, detach, shutDown } from "./lifecycle.js";
import { logMethods } from "./log-methods.js";
import { answer, answeringMethods, ask, open } from "./requests.js";
import { serverMethods } from "./server-methods.js";
import { emit, type Session } from "./session.js";
import { beginTurn } from "./turn.js";

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

function elicit({ session, params }: Call): Promise<unknown> {
  const { message, requestedSchema } = params;
  return new Promise((resolve, reject) => {
    ask(session, "elicitation.requested", { message, requestedSchema }, { settle: resolve, fail: reject });
  });
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
export const sessionMethods: Handlers = {
  send,
  log,
  ...logMethods,
  ...Object.fromEntries(
    answeringMethods.map((name): [string, Handler] => [name, ({ session, params }) => answer(session, name, params)]),
  ),
  "permissions.pendingRequests": pendingPermissions,
  "tools.listPendingRequests": pendingTools,
  "tools.getCurrentMetadata": ({ session }) => ({
    tools: [...session.attached.values()].flatMap(({ tools }) => tools).map((name) => ({ name })),
  }),
  ...serverMethods,
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
