/**
 * Permissions of tool calls, and what follows one: the call itself, which an MCP server may refuse, so that a token is asked for in the
 * middle of it and then a permission for a second time.
 */
import { isRecord } from "../base/record.js";
import { ask } from "./requests.js";
import { oauthRequired, reconnect, serverFor } from "./servers.js";
import { emit, hasInterest, type Server, type Session, type ToolCall } from "./session.js";
import { challenge, isOpen, tokenOf } from "./tokens.js";
import { failed, gave } from "./turn.js";

type Data = Readonly<Record<string, unknown>>;

const reauthenticate = "Re-authentication required";

const denials = new Set([
  "reject",
  "user-not-available",
  "cancelled",
  "denied-by-rules",
  "denied-no-approval-rule-and-could-not-request-from-user",
  "denied-interactively-by-user",
  "denied-by-content-exclusion-policy",
  "denied-by-permission-request-hook",
]);

interface PermissionOptions {
  /** Waits without a word: its event is on disk. */
  readonly silent?: boolean;
  /** What the call does once it may. */
  readonly goOn?: () => void;
}

/** Once a session asks for permissions, it does so until it is unloaded. */
export function askPermission(
  session: Session,
  call: ToolCall,
  id: string,
  { silent = false, goOn }: PermissionOptions = {},
): void {
  if (!session.asksPermission) {
    failed(session, call, "Permission denied and could not request permission from user");
    return;
  }
  ask(session, "permission.requested", permissionData(session, call), {
    id,
    call,
    silent,
    settle(answer) {
      const kind = isRecord(answer) ? String(answer.kind) : "";
      if (!/^approve/.test(kind))
        failed(
          session,
          call,
          denials.has(kind)
            ? `Permission denied: ${kind}`
            : "MCP tool permission request failed: permission host returned malformed payload",
        );
      else if (goOn) goOn();
      else runCall(session, call);
    },
  });
}

/** The call itself: a server that takes the token no longer asks for another. */
export function runCall(session: Session, call: ToolCall): void {
  const server = session.servers.get(call.serverName ?? "");
  const isRefused = server?.config.oauthClientId !== undefined && !isOpen(session, server);
  if (isRefused) askTokenInCall(session, call, session.around.random.uuid(), "refresh");
  else gave(session, call, call.gives);
}

function permissionData(session: Session, call: ToolCall): Data {
  const { id: toolCallId, toolName, serverName = "mcp", arguments: args, data, asks } = call;
  const named = { kind: "mcp", serverName, toolName, toolTitle: toolName, args };
  const given = isRecord(data.permissionRequest) ? data.permissionRequest : {};
  return {
    ...(asks === "permission.requested" ? data : {}),
    permissionRequest: { ...named, readOnly: false, ...given, toolCallId },
    promptRequest: { ...named, ...given, toolCallId },
    agentMode: session.mode,
    ...(session.around.traits.newer ? { permissionMode: "default", ownerSessionId: session.id } : {}),
  };
}

/**
 * The server refuses the token in the middle of a call. Without interest the call fails; a refresh that is cancelled is followed by a
 * `reauth`; after a good token a permission is asked for a second time.
 */
export function askTokenInCall(session: Session, call: ToolCall, id: string, reason: string): void {
  const server = serverFor(session, { serverName: call.serverName, ...call.data });
  server.authorized = false;
  if (!hasInterest(session, oauthRequired)) {
    failed(session, call, reauthenticate);
    return;
  }
  server.asked = ask(
    session,
    oauthRequired,
    { ...challenge(session, server, reason), ...call.data, reason },
    {
      id,
      call,
      weigh: (answer) => (isLeftToRuntime(answer) ? recover(session, server, id, answer) : answer),
      settle(answer) {
        server.asked = undefined;
        const outcome = tokenOf(session, server, answer);
        const { random } = session.around;
        if (outcome === "cancelled" && reason === "refresh" && answer !== notRecovered)
          askTokenInCall(session, call, random.uuid(), "reauth");
        else if (outcome !== "good") failed(session, call, reauthenticate);
        else {
          reconnect(session, server);
          if (session.asksPermission) askPermission(session, call, random.uuid());
          else gave(session, call, call.gives);
        }
      },
    },
  );
}

const isLeftToRuntime = (answer: unknown): boolean => isRecord(answer) && answer.kind === "runtimeRefresh";
const notRecovered = { kind: "cancelled" };

/** The runtime refreshes with the grant of its own sign-in, and says how that ended before it completes the request. */
function recover(session: Session, server: Server, requestId: string, answer: unknown): unknown {
  const outcome = server.own ? "succeeded" : "failed";
  const data = { requestId, serverName: server.name, outcome };
  emit(session, "mcp.oauth_recovery_completed", data, { ephemeral: true });
  if (!server.own) return notRecovered;
  server.authorized = true;
  return answer;
}
