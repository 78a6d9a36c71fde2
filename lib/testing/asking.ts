/**
 * Brings a runtime to ask what a test raises or scripts. Most questions come out of a tool call of the model, so raising one starts a
 * turn where none runs.
 */

import { isRecord } from "../base/record.js";
import { askInCall } from "./calls.js";
import { enqueueCommand, executeCommand } from "./commands.js";
import type { KindName } from "./kinds.js";
import { askHeaders, askToken, headersRequired, oauthRequired, serverFor, setStatus, startAll } from "./servers.js";
import { hasInterest, type Session, type ToolCall, type Turn } from "./session.js";
import { finishTurn, openCall } from "./turn.js";

type Data = Readonly<Record<string, unknown>>;

/** Asks a question under this id, or does what the runtime does where the session does not let it ask. */
export function raise(session: Session, kind: KindName, data: Data, id: string): void {
  if (kind === oauthRequired && (data.reason ?? "initial") === "initial") raiseInitial(session, data, id);
  else if (kind === headersRequired) raiseHeaders(session, data, id);
  else if (kind === "command.execute") executeCommand(session, data, { id }).catch(() => undefined);
  else if (kind === "command.queued") enqueueCommand(session, String(data.command ?? "/fake"), id);
  else inCall(session, kind, data, id);
}

/** The model's next words: what the script says, and "done" after that. */
export function goOn(session: Session, turn: Turn): void {
  startAll(session);
  while (session.loaded && session.turn === turn && turn.calls.size === 0) {
    const reply = session.script.shift() ?? session.around.says(session) ?? { text: "done" };
    if ("text" in reply) finishTurn(session, turn, reply.text);
    else raise(session, reply.ask, reply.data ?? {}, session.around.random.uuid());
  }
}

function inCall(session: Session, kind: KindName, data: Data, id: string): void {
  const call: ToolCall = {
    id: String(data.toolCallId ?? `call_${session.around.random.uuid()}`),
    ...toolOf(kind, data),
    arguments: isRecord(data.arguments) ? data.arguments : {},
    asks: kind,
    data,
    gives: "done",
  };
  startAll(session);
  openCall(session, call);
  askInCall(session, call, id);
}

/** The tool whose call asks this. */
function toolOf(kind: KindName, data: Data): Pick<ToolCall, "toolName" | "serverName"> {
  const asked = isRecord(data.permissionRequest) ? data.permissionRequest : {};
  switch (kind) {
    case "permission.requested":
      return {
        toolName: String(asked.toolName ?? "echo"),
        serverName: typeof asked.serverName === "string" ? asked.serverName : undefined,
      };
    case "external_tool.requested":
      return { toolName: String(data.toolName ?? "tool") };
    case "user_input.requested":
      return { toolName: "ask_user" };
    case "exit_plan_mode.requested":
      return { toolName: "exit_plan_mode" };
    default: {
      const serverName = String(data.elicitationSource ?? data.serverName ?? "mcp");
      return { toolName: `${serverName}-tool`, serverName };
    }
  }
}

/** A server that wants a token: it is asked for at once where there is interest, else under this id with the first interest. */
function raiseInitial(session: Session, data: Data, id: string): void {
  const server = serverFor(session, data);
  server.authorized = false;
  if (server.started && hasInterest(session, oauthRequired)) {
    setStatus(session, server, "pending");
    askToken(session, server, { data, id });
    return;
  }
  server.reserved.push({ id, data });
  if (server.started) setStatus(session, server, "needs-auth");
}

/** Headers are asked for only where the server's config has `headersRefreshTtlMs` and there is interest. */
function raiseHeaders(session: Session, data: Data, id: string): void {
  const server = serverFor(session, data);
  if (server.config.headersRefreshTtlMs === undefined || !hasInterest(session, headersRequired)) return;
  server.started = true;
  setStatus(session, server, "pending");
  askHeaders(session, server, data, id);
}
