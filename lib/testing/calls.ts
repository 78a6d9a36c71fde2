/**
 * What a tool call asks while it runs, one function a kind. What the session does not allow is not asked: the call is closed at once.
 * docs/kinds.md says which flag or interest each kind needs.
 */

import { isRecord } from "../base/record.js";
import type { KindName } from "./kinds.js";
import { askPermission, askTokenInCall } from "./permissions.js";
import { ask, end } from "./requests.js";
import { whenStarted } from "./servers.js";
import { hasFlag, hasInterest, type Session, type ToolCall } from "./session.js";
import { failed, gave } from "./turn.js";
import { askPlan, askUser } from "./user-questions.js";

type Data = Readonly<Record<string, unknown>>;
type Way = (session: Session, call: ToolCall, id: string) => void;

/** An MCP tool call waits so long for an elicitation or a sampling. */
const mcpToolLimitMs = 180_000;
const timedOut = "MCP error -32001: Request timed out";

/** Asks what a call asks, under this id; after a restart of the runtime again, under another. */
export function askInCall(session: Session, call: ToolCall, id: string): void {
  ways[call.asks](session, call, id);
}

const nothing: Way = (session, call) => failed(session, call, "asks nothing");

const ways: Readonly<Record<KindName, Way>> = {
  "permission.requested"(session, call, id) {
    const server = session.servers.get(call.serverName ?? "");
    if (server?.status === "pending" && !server.asked)
      void whenStarted(session).then(() => session.turn?.calls.has(call.id) && askInCall(session, call, id));
    // The model is offered the tools of servers that are connected.
    else if (server?.status === "needs-auth" || server?.status === "disabled")
      failed(session, call, `Tool '${call.toolName}' does not exist.`);
    else askPermission(session, call, id);
  },
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
