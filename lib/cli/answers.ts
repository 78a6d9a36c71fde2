import { type AnswerOf, type KindName, kinds, type TextAnswer, type TextOptions } from "../pending/index.js";
import { exit, Stop } from "./exit.js";

export type Answer = AnswerOf<KindName>;
export type Choice = "approve" | "approve-for-session" | "deny";

/** How a person types the answer. Undefined for kinds that take a choice or JSON only. */
export const textAnswerOf = (kind: KindName): TextAnswer | undefined => kinds[kind].text;

/**
 * The answer that a plain text is.
 * @throws Stop for a kind that no text answers, ValidationError for a text that is no answer.
 */
export function answerOfText(kind: KindName, text: string, options: TextOptions): Answer {
  const answer = kinds[kind].text?.toAnswer(text.replace(/\r?\n$/, ""), options);
  if (answer === undefined) throw new Stop(exit.invalid, `${kind} is answered by --approve, --deny or --json`);
  return answer;
}

/**
 * The answer that a yes or a no is.
 * @throws Stop for a kind that has no such answer.
 */
export function answerOfChoice(kind: KindName, choice: Choice, reason?: string): Answer {
  const { yes, yesForSession, no } = kinds[kind];
  const answer = { approve: yes, "approve-for-session": yesForSession, deny: no?.(reason) }[choice];
  if (answer === undefined)
    throw new Stop(exit.invalid, `--${choice} does not answer ${kind}: give --json, or the text on standard input`);
  return answer;
}

/** Checks JSON from outside against the schema of its kind. */
export const answerOfJson = ({ kind }: { readonly kind: KindName }, text: string): Promise<Answer> =>
  checkedAnswer(kind, parse(text));

/** @throws ValidationError when the kind takes no such answer. */
export async function checkedAnswer(kind: KindName, value: unknown): Promise<Answer> {
  const { check } = await import("../base/check.js");
  return check(kinds[kind].answer, value, `answer to ${kind}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Text that does not parse may still hold a secret: the message does not show it.
    throw new Stop(exit.invalid, "the answer is not JSON");
  }
}
