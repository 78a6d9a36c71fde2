/**
 * Questions of a session. A question is open until it is answered, completed by the runtime itself, or dropped without a word; after a
 * time-out or a suspend it may be deaf: an answer is taken, and nobody is there to hear it.
 */
import { isKind, type KindName, rowOf, rows } from "./kinds.js";
import type { Peer } from "./peer.js";
import { type Asked, emit, type Session, type ToolCall } from "./session.js";

export interface AskOptions {
  readonly id?: string | undefined;
  readonly call?: ToolCall | undefined;
  readonly owner?: Peer | undefined;
  readonly to?: readonly Peer[] | undefined;
  /** Waits without a word: it was announced by an earlier load. */
  readonly silent?: boolean;
  /** What becomes of an answer before anybody is told: the answer that counts. */
  weigh?(answer: unknown): unknown;
  settle(answer: unknown): void;
  fail?(reason: Error): void;
}

/** Asks. */
export function ask(
  session: Session,
  kind: KindName,
  data: Readonly<Record<string, unknown>>,
  { id = session.around.random.uuid(), call, owner, to, silent = false, weigh, settle, fail }: AskOptions,
): Asked {
  const asked: Asked = { id, kind, data, call, owner, state: "open", weigh, settle, fail, cleanups: [] };
  session.asked.set(id, asked);
  const { ephemeral } = rowOf(kind);
  if (!silent) emit(session, kind, { requestId: id, ...data }, { ephemeral, ...(to ? { to } : {}) });
  return asked;
}

/** Completes a question: says so, and goes on. */
export function complete(session: Session, asked: Asked, given: unknown): void {
  if (asked.state !== "open") return;
  const answer = asked.weigh ? asked.weigh(given) : given;
  end(session, asked);
  const { completed, told, ephemeral } = rowOf(asked.kind);
  const call = asked.kind === "permission.requested" && asked.call ? { toolCallId: asked.call.id } : {};
  emit(session, completed, { requestId: asked.id, ...call, ...told(answer) }, { ephemeral });
  asked.settle(answer);
}

/** Drops a question: nobody hears of it. */
export function end(session: Session, asked: Asked, state: "over" | "deaf" = "over"): void {
  asked.state = state;
  for (const cleanup of asked.cleanups.splice(0)) cleanup();
  if (state === "over") session.asked.delete(asked.id);
}

export const open = (session: Session): Asked[] => [...session.asked.values()].filter(({ state }) => state === "open");

const kindsByMethod = new Map<string, KindName[]>();
for (const kind of Object.keys(rows))
  if (isKind(kind)) kindsByMethod.set(rowOf(kind).respond, [...(kindsByMethod.get(rowOf(kind).respond) ?? []), kind]);

/** The methods that answer, without `session.`. */
export const answeringMethods: readonly string[] = [...kindsByMethod.keys()];

/** Takes an answer. Throws what the runtime says of a malformed one. */
export function answer(
  session: Session,
  method: string,
  params: Readonly<Record<string, unknown>>,
): { success: boolean } {
  const [kind] = kindsByMethod.get(method) ?? [];
  if (kind === undefined) throw new Error(`no kind is answered by ${method}`);
  const row = rowOf(kind);
  const { requestId } = params;
  if (typeof requestId !== "string") throw new Error(row.noId);
  const verdict = row.judge(params, session.around.traits);
  if ("error" in verdict) throw new Error(verdict.error);
  const asked = session.asked.get(requestId);
  const isIts = asked?.kind === kind;
  const takes = "take" in verdict && isIts;
  if (takes && asked.state === "open") complete(session, asked, verdict.take);
  else if (takes) end(session, asked);
  const accepted = takes || row.saysYes === true;
  const given = "take" in verdict ? verdict.take : params.result;
  session.around.answered({ sessionId: session.id, requestId, kind, answer: given, accepted });
  return { success: accepted };
}
