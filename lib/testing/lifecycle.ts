/**
 * The life of a session: made or loaded by a connection, attached to by others, unloaded when the last of them goes. What a load holds in
 * memory dies with it: interests, tokens, and every question but permissions and external tools, whose events are on disk.
 */

import { isRecord } from "../base/record.js";
import { askInCall, waitForTool } from "./calls.js";
import type { KindName } from "./kinds.js";
import type { Peer } from "./peer.js";
import { askPermission, runCall } from "./permissions.js";
import { complete, end, open } from "./requests.js";
import { setServers } from "./servers.js";
import { type Attachment, capabilities, emit, hasFlag, type Session, type ToolCall } from "./session.js";
import { closeCall, endTurn, interrupted, writeOutcome } from "./turn.js";

type Params = Readonly<Record<string, unknown>>;

const flags = [
  "requestPermission",
  "requestUserInput",
  "requestElicitation",
  "requestExitPlanMode",
  "requestAutoModeSwitch",
  "requestMcpApps",
];

function attachmentOf(params: Params): Attachment {
  const named = (list: unknown): { name: string }[] =>
    Array.isArray(list) ? list.flatMap((item: unknown) => (isNamed(item) ? [item] : [])) : [];
  return {
    flags: new Set(flags.filter((flag) => params[flag] === true)),
    tools: named(params.tools).map(({ name }) => name),
    commands: named(params.commands),
  };
}

const isNamed = (item: unknown): item is { name: string } => isRecord(item) && typeof item.name === "string";

/** Takes over what create, attach and cold resume share; a field that is left out changes nothing. Returns what says so in the log. */
export function attach(session: Session, peer: Peer, params: Params): () => void {
  const before = capabilities(session);
  session.attached.set(peer, attachmentOf(params));
  if (params.requestPermission === true) session.asksPermission = true;
  if (params.requestMcpApps === true) session.apps = true;
  if (params.sessionLimits !== undefined && params.sessionLimits !== null) session.limits = true;
  if (params.model !== undefined) session.model = params.model;
  if (isRecord(params.provider)) session.modelUrl = String(params.provider.baseUrl ?? "");
  setServers(session, params.mcpServers);
  return () => tellCapabilities(session, before);
}

function tellCapabilities(session: Session, before: ReturnType<typeof capabilities>): void {
  const after = capabilities(session);
  const changed = Object.entries(after.ui).filter(([name, value]) => before.ui[name] !== value);
  if (changed.length > 0)
    emit(session, "capabilities.changed", { ui: Object.fromEntries(changed) }, { ephemeral: true });
}

/** Ends the attachment of a connection; the last one unloads the session. Returns false when there was none. */
export function detach(session: Session, peer: Peer): boolean {
  const attachment = session.attached.get(peer);
  if (attachment === undefined) return false;
  if (session.attached.size === 1) {
    unload(session);
    return true;
  }
  const before = capabilities(session);
  session.attached.delete(peer);
  // With the last connection that can elicit go the questions of all callers, gone or not.
  if (before.ui.elicitation && !hasFlag(session, "requestElicitation"))
    for (const asked of open(session))
      if (asked.kind === "elicitation.requested") complete(session, asked, { action: "cancel" });
  tellCapabilities(session, before);
  if (attachment.commands.length > 0) {
    const commands = [...session.attached.values()].flatMap((each) => each.commands);
    emit(session, "commands.changed", { commands }, { ephemeral: true });
  }
  if (attachment.tools.length > 0)
    emit(session, "session.tools_updated", { model: session.model ?? null }, { ephemeral: true });
  return true;
}

/** The error of a call that was out when its session ended. */
const disposed = "the session was unloaded";

/** Ends the load. What it asked is gone; a call that waited for more than a permission or a tool of the host is written down as failed. */
export function unload(session: Session, shutdownType = "routine"): void {
  if (!session.loaded) return;
  emit(session, "session.shutdown", { shutdownType });
  const onDisk = new Set(
    open(session)
      .filter(({ kind }) => survives(kind))
      .map(({ call }) => call?.id),
  );
  const { turn } = session;
  for (const call of turn?.calls.values() ?? [])
    if (!onDisk.has(call.id))
      writeOutcome(session, call, { error: "The session was shut down." }, turn?.interactionId ?? "");
  discard(session);
}

/** Lets go of everything that the load has in memory, without a word. */
export function discard(session: Session): void {
  session.loaded = false;
  session.turn = undefined;
  const calls = [...session.asked.values()];
  for (const asked of calls) {
    end(session, asked);
    asked.fail?.(new Error(disposed));
  }
  for (const server of session.servers.values()) server.waiting.length = 0;
  session.attached.clear();
  session.gate.close(new Error(`Session not found for sessionId: ${session.id}`));
}

const survives = (kind: KindName): boolean => kind === "permission.requested" || kind === "external_tool.requested";

/** Brings back what a load from disk finds unfinished. */
export function recover(session: Session, { goOn }: { goOn: boolean }): void {
  const { events, calls } = session.stored;
  const { traits, random, soon } = session.around;
  const over = new Set<unknown>();
  /** Calls that had their permission, and waited for something else: a token. */
  const permitted = new Set<unknown>();
  const waits = new Map<unknown, { kind: KindName; requestId: string; request: unknown }>();
  for (const { type, data } of events) {
    if (type === "tool.execution_complete") over.add(data.toolCallId);
    else if (type === "permission.requested" && isRecord(data.permissionRequest))
      waits.set(data.permissionRequest.toolCallId, {
        kind: type,
        requestId: String(data.requestId),
        request: data.promptRequest,
      });
    else if (type === "external_tool.requested")
      waits.set(data.toolCallId, { kind: type, requestId: String(data.requestId), request: undefined });
    else if (type === "permission.completed") {
      waits.delete(data.toolCallId);
      permitted.add(data.toolCallId);
    } else if (type === "external_tool.completed")
      for (const [id, { requestId }] of waits) if (requestId === data.requestId) waits.delete(id);
  }
  const unfinished = events
    .filter(({ type, data }) => type === "tool.execution_start" && !over.has(data.toolCallId))
    .flatMap(({ data }) => calls.get(String(data.toolCallId)) ?? []);
  for (const call of new Set(unfinished)) {
    const waiting = waits.get(call.id);
    if (!goOn) {
      if (waiting?.kind === "permission.requested" && traits.listsGhosts)
        session.ghosts.push({ requestId: waiting.requestId, request: waiting.request });
      if (!traits.repeatsCalls) session.unfinished.push(call);
    } else if (waiting) waitOn(session, call, waiting);
    else if (traits.repeatsCalls && (repeated.has(call.asks) || permitted.has(call.id)))
      soon(() => {
        if (session.loaded) repeat(session, call, random.uuid());
      });
    else writeOutcome(session, call, { error: interrupted }, "resume");
  }
}

const repeated = new Set<KindName>(["elicitation.requested", "sampling.requested", "mcp.oauth_required"]);

function reopen(session: Session, call: ToolCall): void {
  session.turn ??= { interactionId: "resume", calls: new Map(), number: 0 };
  session.turn.calls.set(call.id, call);
}

/** The same question under the same id; it is not announced again. */
function waitOn(session: Session, call: ToolCall, { kind, requestId }: { kind: KindName; requestId: string }): void {
  reopen(session, call);
  if (kind === "external_tool.requested") waitForTool(session, call, requestId, { silent: true });
  else if (call.asks === kind) askPermission(session, call, requestId, { silent: true });
  else {
    const goOn = (): void => askInCall(session, call, session.around.random.uuid());
    askPermission(session, call, requestId, { silent: true, goOn });
  }
}

function repeat(session: Session, call: ToolCall, id: string): void {
  reopen(session, call);
  if (call.asks === "permission.requested") runCall(session, call);
  else askInCall(session, call, id);
}

/** `suspend` and `abort`: the turn ends, and with it what it asked, each kind in a way of its own. */
export function breakOff(session: Session, reason: string): void {
  const { traits } = session.around;
  for (const asked of open(session)) {
    if (survives(asked.kind)) complete(session, asked, { kind: "cancelled", reason });
    else if (asked.kind === "command.execute") {
      end(session, asked);
      asked.fail?.(new Error(reason));
    } else if (asked.call)
      end(session, asked, asked.kind === "mcp.oauth_required" && !traits.takesLateTokens ? "over" : "deaf");
  }
  const { turn } = session;
  if (!turn) return;
  for (const call of turn.calls.values()) writeOutcome(session, call, { error: reason }, turn.interactionId);
  turn.calls.clear();
  session.queue.length = 0;
  endTurn(session);
}

/** `shutdown`: what is asked about MCP servers dies without a word; everything else waits on. */
export function shutDown(session: Session): void {
  for (const asked of open(session)) {
    if (asked.kind !== "mcp.oauth_required" && asked.kind !== "mcp.headers_refresh_required") continue;
    end(session, asked);
    if (asked.call) closeCall(session, asked.call, { error: "Re-authentication required" });
    asked.fail?.(new Error("Re-authentication required"));
  }
  for (const server of session.servers.values()) server.asked = undefined;
}
