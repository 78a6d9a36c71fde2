import type { ModelMessage, Reply } from "../world.js";

/** A model without a memory: it looks at the conversation, makes the call that the last step wants, and stops when it has its result. */
export interface ScriptedModel {
  readonly reply: Reply;
  /** Steps whose result it has seen. */
  readonly done: ReadonlySet<number>;
}

export const promptOf = (step: number, kind: "echo" | "ticket"): string => `STEP ${step} ${kind}`;

export function createScriptedModel(): ScriptedModel {
  const done = new Set<number>();
  const reply: Reply = ({ messages }) => {
    const at = messages.findLastIndex(({ role }) => role === "user");
    const [, number, kind] = /STEP (\d+) (echo|ticket)/.exec(textOf(messages[at])) ?? [];
    if (kind === undefined) return { text: "hello" };
    const step = Number(number);
    const wanted = kind === "echo" ? `result-${step}` : "ticket 17";
    const first = messages.findIndex(
      ({ role, content }) => role === "user" && textOf({ content }).includes(`STEP ${step} `),
    );
    const results = messages.slice(first).filter(({ role }) => role === "tool");
    if (results.some((message) => textOf(message).includes(wanted))) {
      done.add(step);
      return { text: "done" };
    }
    // A call of this turn that failed is not made again before the host asks.
    if (messages.slice(at).some(({ role }) => role === "tool")) return { text: "failed" };
    return kind === "echo" ? { tool: "echo", arguments: { text: wanted } } : { tool: "ticket" };
  };
  return { reply, done };
}

function textOf(message: Pick<ModelMessage, "content"> | undefined): string {
  return typeof message?.content === "string" ? message.content : JSON.stringify(message?.content ?? "");
}
