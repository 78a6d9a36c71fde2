/**
 * A turn: a prompt, then rounds in which the model says something or calls tools. A tool call is over when what it asked is; the round is
 * over when its calls are; text ends the turn. The model says what a test has scripted, and "done" after that.
 */
import { emit, type Session, type ToolCall, type Turn } from "./session.js";

/** What a tool call came to. */
export type Outcome = { readonly content: string } | { readonly error: string };

export function beginTurn(
  session: Session,
  prompt: string,
  options: { mode?: string | undefined; messageId?: string } = {},
): Turn {
  const { random } = session.around;
  if (options.mode !== undefined) session.mode = options.mode;
  closeUnfinished(session);
  const turn: Turn = { interactionId: random.uuid(), calls: new Map(), number: 0 };
  session.turn = turn;
  session.stored.title ??= prompt;
  const messageId = options.messageId ?? random.uuid();
  const { interactionId } = turn;
  emit(session, "user.message", { content: prompt, messageId, delivery: "idle", interactionId, turnId: "0" });
  beginRound(session, turn);
  return turn;
}

function beginRound(session: Session, turn: Turn): void {
  emit(session, "assistant.turn_start", { turnId: String(turn.number), interactionId: turn.interactionId });
}

function say(session: Session, turn: Turn, content: string, toolRequests: readonly object[]): void {
  const messageId = session.around.random.uuid();
  const { interactionId, number } = turn;
  emit(session, "assistant.message", {
    messageId,
    model: "fake",
    content,
    toolRequests,
    interactionId,
    turnId: String(number),
  });
}

/** Starts a tool call in the turn that runs, or in a new one. */
export function openCall(session: Session, call: ToolCall): void {
  const turn = session.turn ?? beginTurn(session, "Go on.");
  session.stored.calls.set(call.id, call);
  turn.calls.set(call.id, call);
  const { id: toolCallId, toolName, arguments: given, serverName } = call;
  const mcp = serverName === undefined ? {} : { mcpServerName: serverName, mcpToolName: toolName };
  say(session, turn, "", [{ toolCallId, name: toolName, arguments: given, type: "function", ...mcp }]);
  emit(session, "tool.execution_start", {
    toolCallId,
    toolName,
    arguments: given,
    turnId: String(turn.number),
    ...mcp,
  });
}

export function closeCall(session: Session, call: ToolCall, outcome: Outcome): void {
  const { turn } = session;
  if (!turn?.calls.delete(call.id)) return;
  writeOutcome(session, call, outcome, turn.interactionId, String(turn.number));
  if (turn.calls.size > 0) return;
  emit(session, "assistant.turn_end", { turnId: String(turn.number) });
  turn.number += 1;
  session.around.soon(() => {
    if (session.turn !== turn || !session.loaded) return;
    beginRound(session, turn);
    session.goOn(turn);
  });
}

export const failed = (session: Session, call: ToolCall, error: string): void => closeCall(session, call, { error });
export const gave = (session: Session, call: ToolCall, content: string): void => closeCall(session, call, { content });

export function writeOutcome(
  session: Session,
  call: ToolCall,
  outcome: Outcome,
  interactionId: string,
  turnId?: string,
): void {
  const shown =
    "content" in outcome
      ? { success: true, result: { content: outcome.content, detailedContent: outcome.content } }
      : { success: false, error: { message: outcome.error } };
  emit(session, "tool.execution_complete", {
    toolCallId: call.id,
    interactionId,
    ...(turnId === undefined ? {} : { turnId }),
    ...shown,
  });
}

/** The model says its last words of the turn. */
export function finishTurn(session: Session, turn: Turn, text: string): void {
  say(session, turn, text, []);
  emit(session, "assistant.turn_end", { turnId: String(turn.number) });
  emit(session, "assistant.idle", {}, { ephemeral: true });
  endTurn(session);
}

/** The next prompt that waits, or the session is idle. */
export function endTurn(session: Session): void {
  session.turn = undefined;
  const next = session.queue.shift();
  if (next !== undefined) {
    const turn = beginTurn(session, next.prompt, next);
    session.around.soon(() => session.goOn(turn));
    return;
  }
  emit(session, "session.idle", { mode: session.mode }, { ephemeral: true });
}

/** Calls that an earlier load did not finish, written down as failed. */
function closeUnfinished(session: Session): void {
  for (const call of session.unfinished.splice(0)) writeOutcome(session, call, { error: interrupted }, "resume");
}

export const interrupted = "The tool call was interrupted: the runtime was restarted before it finished.";
