/**
 * What a tool call asks while it runs, one function a kind. What the session does not allow is not asked: the call is closed at once.
 * docs/kinds.md says which flag or interest each kind needs.
 */

import { isRecord } from "../base/record.js";
import type { KindName } from "./kinds.js";
import type { Peer } from "./peer.js";
import { ask, complete, end } from "./requests.js";
import { challenge, isOpen, oauthRequired, reconnect, serverFor, tokenOf } from "./servers.js";
import { type Asked, flagOwner, hasFlag, hasInterest, type Session, type ToolCall } from "./session.js";
import { closeCall } from "./turn.js";

type Data = Readonly<Record<string, unknown>>;
type Way = (session: Session, call: ToolCall, id: string) => void;

/** An MCP tool call waits so long for an elicitation or a sampling. */
const mcpToolLimitMs = 180_000;
const timedOut = "MCP error -32001: Request timed out";
const reauthenticate = "Re-authentication required";

const failed = (session: Session, call: ToolCall, error: string): void => closeCall(session, call, { error });
const gave = (session: Session, call: ToolCall, content: string): void => closeCall(session, call, { content });

/** Asks what a call asks, under this id; after a restart of the runtime again, under another. */
export function askInCall(session: Session, call: ToolCall, id: string): void {
  ways[call.asks](session, call, id);
}

const nothing: Way = (session, call) => failed(session, call, "asks nothing");

const ways: Readonly<Record<KindName, Way>> = {
  "permission.requested": (session, call, id) => askPermission(session, call, id),
  "external_tool.requested"(session, call, id) {
    const offered = [...session.attached.values()].some(({ tools }) => tools.length > 0);
    if (offered) waitForTool(session, call, id);
    else failed(session, call, `Tool '${call.toolName}' does not exist.`);
  },
  "elicitation.requested"(session, call, id) {
    const data = { message: "Which one?", elicitationSource: call.serverName, ...call.data };
    if (hasFlag(session, "requestElicitation")) limited(session, call, id, data, elicited);
    else gave(session, call, JSON.stringify({ action: "decline" }));
  },
  "sampling.requested"(session, call, id) {
    const data = {
      serverName: call.serverName,
      mcpRequestId: id,
      request: { messages: [], maxTokens: 10 },
      ...call.data,
    };
    const isAsked = !session.around.traits.samplesByInterest || hasInterest(session, call.asks);
    if (isAsked) limited(session, call, id, data, sampled);
    else gave(session, call, refusal("cancelled"));
  },
  "user_input.requested": askUser,
  "exit_plan_mode.requested": askPlan,
  "mcp.oauth_required": (session, call, id) => askTokenInCall(session, call, id, String(call.data.reason)),
  "auto_mode_switch.requested"(session, call, id) {
    const settle = (answer: unknown): void => gave(session, call, String(answer));
    if (hasFlag(session, "requestAutoModeSwitch")) ask(session, call.asks, call.data, { id, call, settle });
    else failed(session, call, "rate limited");
  },
  "session_limits_exhausted.requested"(session, call, id) {
    const settle = (answer: unknown): void => gave(session, call, JSON.stringify(answer));
    const data = { usedAiCredits: 10, maxAiCredits: 10, ...call.data };
    if (session.limits) ask(session, call.asks, data, { id, call, settle });
    else failed(session, call, "the limit is reached");
  },
  "mcp.headers_refresh_required": nothing,
  "command.execute": nothing,
  "command.queued": nothing,
};

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
      else run(session, call);
    },
  });
}

/** The call itself: a server that takes the token no longer asks for another. */
function run(session: Session, call: ToolCall): void {
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

export function waitForTool(session: Session, call: ToolCall, id: string, { silent = false } = {}): void {
  const { id: toolCallId, toolName, arguments: given, data } = call;
  ask(
    session,
    "external_tool.requested",
    { sessionId: session.id, toolName, arguments: given, ...data, toolCallId },
    {
      id,
      call,
      silent,
      settle(answer) {
        const { result, error } = isRecord(answer) ? answer : {};
        const text = isRecord(result) ? result.textResultForLlm : result;
        if (error === undefined) gave(session, call, typeof text === "string" ? text : "");
        else failed(session, call, String(error));
      },
    },
  );
}

/** Asks for an MCP server, whose call fails after three minutes; the question is deaf from then on. */
function limited(session: Session, call: ToolCall, id: string, data: Data, told: (answer: unknown) => string): void {
  const asked = ask(session, call.asks, data, { id, call, settle: (answer) => gave(session, call, told(answer)) });
  const undo = session.around.clock.after(mcpToolLimitMs, () => {
    end(session, asked, "deaf");
    failed(session, call, timedOut);
  });
  asked.cleanups.push(undo);
}

const refusal = (message: string): string => JSON.stringify({ error: { code: -32603, message } });

function elicited(answer: unknown): string {
  const action = isRecord(answer) ? answer.action : undefined;
  if (action === "accept" || action === "decline" || action === "cancel") return JSON.stringify(answer);
  return refusal(`unknown variant \`${String(action)}\`, expected one of \`accept\`, \`decline\`, \`cancel\``);
}

function sampled(answer: unknown): string {
  if (isRecord(answer) && typeof answer.model === "string") return JSON.stringify(answer);
  return refusal(answer === null ? "declined" : "missing field `model`");
}

/** The way of a flag: the client is called besides, and when it fails or goes the question is settled for it. */
function callOwner(
  session: Session,
  asked: Asked,
  {
    owner,
    method,
    isAnswer,
    otherwise,
  }: { owner: Peer; method: string; isAnswer: (answer: Data) => boolean; otherwise: Data },
): void {
  const { toolCallId: _, ...params } = asked.data;
  owner.call(method, { sessionId: session.id, ...params }).then(
    (answer) => complete(session, asked, isRecord(answer) && isAnswer(answer) ? answer : otherwise),
    () => complete(session, asked, otherwise),
  );
}

/** The client that asked by a flag; where there is interest it is not called. */
function callee(session: Session, { asks }: ToolCall, flag: string): Peer | undefined {
  return hasInterest(session, asks) ? undefined : flagOwner(session, flag);
}

function askUser(session: Session, call: ToolCall, id: string): void {
  const owner = callee(session, call, "requestUserInput");
  if (!owner && !hasInterest(session, call.asks)) {
    failed(session, call, "Tool 'ask_user' does not exist.");
    return;
  }
  const asked = ask(
    session,
    call.asks,
    { question: "Which one?", allowFreeform: true, ...call.data, toolCallId: call.id },
    {
      id,
      call,
      owner,
      settle(answer) {
        const { answer: text, wasFreeform } = isRecord(answer) ? answer : {};
        gave(session, call, `User ${wasFreeform === true ? "responded" : "selected"}: ${String(text)}`);
      },
    },
  );
  const otherwise = { answer: "The user is unable to respond.", wasFreeform: true };
  const isAnswer = ({ answer }: Data): boolean => typeof answer === "string";
  if (owner) callOwner(session, asked, { owner, method: "userInput.request", isAnswer, otherwise });
}

const plan = {
  summary: "A plan.",
  actions: ["autopilot", "interactive", "exit_only"],
  recommendedAction: "autopilot",
  planContent: "",
};

function askPlan(session: Session, call: ToolCall, id: string): void {
  const owner = callee(session, call, "requestExitPlanMode");
  if (!owner && !hasInterest(session, call.asks)) {
    failed(session, call, "Tool 'exit_plan_mode' does not exist.");
    return;
  }
  const asked = ask(
    session,
    call.asks,
    { ...plan, ...call.data, toolCallId: call.id },
    {
      id,
      call,
      owner,
      settle(answer) {
        const { approved, feedback } = isRecord(answer) ? answer : {};
        const isApproved = session.around.traits.approvesByAnything ? Boolean(approved) : approved === true;
        if (isApproved) gave(session, call, "Plan approved!");
        else failed(session, call, `Plan not approved. User feedback: ${String(feedback ?? "none")}`);
      },
    },
  );
  const otherwise = { approved: false, feedback: "client did not respond" };
  const isAnswer = ({ approved }: Data): boolean => typeof approved === "boolean";
  if (owner) callOwner(session, asked, { owner, method: "exitPlanMode.request", isAnswer, otherwise });
}

/**
 * The server refuses the token in the middle of a call. Without interest the call fails; a refresh that is cancelled is followed by a
 * `reauth`; after a good token a permission is asked for a second time.
 */
function askTokenInCall(session: Session, call: ToolCall, id: string, reason: string): void {
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
      settle(answer) {
        server.asked = undefined;
        const outcome = tokenOf(session, server, answer);
        const { random } = session.around;
        if (outcome === "cancelled" && reason === "refresh") askTokenInCall(session, call, random.uuid(), "reauth");
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
