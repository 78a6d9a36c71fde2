/** What the model asks the user: a question, or whether a plan is good. By interest the host is asked; by a flag its client is called besides. */
import { isRecord } from "../base/record.js";
import type { Peer } from "./peer.js";
import { ask, complete } from "./requests.js";
import { type Asked, flagOwner, hasInterest, type Session, type ToolCall } from "./session.js";
import { failed, gave } from "./turn.js";

type Data = Readonly<Record<string, unknown>>;

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

export function askUser(session: Session, call: ToolCall, id: string): void {
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

export function askPlan(session: Session, call: ToolCall, id: string): void {
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
