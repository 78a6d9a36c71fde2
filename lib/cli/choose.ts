import { ValidationError } from "../base/errors.js";
import { visibleJson } from "../base/visible.js";
import type { Entry } from "../ledger/index.js";
import { rowOf, type TextOptions } from "../pending/index.js";
import { type Answer, answerOfChoice, answerOfJson, answerOfText, checkedAnswer, textAnswerOf } from "./answers.js";
import { describe } from "./commands/show.js";
import { editText } from "./editor.js";
import { modelSays, shortId, summary } from "./entries.js";
import { exit, explain, Stop } from "./exit.js";
import { type Io, oneLine, paint, print } from "./io.js";
import { ask } from "./prompt.js";

/** What one key does. `shown` is the answer that it is, in the protocol's own words. */
interface Choice {
  readonly key: string;
  readonly shown: string;
  answer(): Promise<Answer | undefined>;
}

interface Asking {
  readonly entry: Entry;
  readonly options: TextOptions;
  readonly io: Io;
  readonly signal: AbortSignal;
}

/**
 * Asks a person at a terminal. What is asked is shown first. A kind that a text answers, and no plain yes, is asked for the text at once; an
 * empty line leads to the other choices. The kind's row says what yes, no and a text are.
 */
export async function chooseAnswer(asking: Asking): Promise<Answer> {
  const { entry, io, signal } = asking;
  await tell(entry, io);
  const choices = choicesFor(asking);
  const text = rowOf(entry.kind).yes === undefined ? choices.find(({ key }) => key === "t") : undefined;
  const first = text === undefined ? undefined : await tried(text, io);
  if (first !== undefined) return first;
  for (;;) {
    for (const { key, shown } of choices) await print(io.err, `  ${key}  ${shown}`);
    const keys = choices.map(({ key }) => key).join("/");
    const line = await ask(io, `Answer [${keys}]`, { secret: false, signal });
    const chosen = choices.find(({ key }) => key === line.trim().toLowerCase().slice(0, 1));
    const answer = chosen && (await tried(chosen, io));
    if (answer !== undefined) return answer;
  }
}

/** What a stranger wrote is on one line each, without hidden characters. */
async function tell(entry: Entry, { err }: Io): Promise<void> {
  const { dim } = paint(err);
  const said = modelSays(entry);
  const lines = [
    ["entry", `${shortId(entry.id)}  ${entry.kind}`],
    ["what", summary(entry)],
    ...(said === undefined ? [] : [["model says", said]]),
    ["session", oneLine(entry.sessionId)],
    ...(entry.principal === undefined ? [] : [["for", oneLine(entry.principal)]]),
  ];
  for (const [name = "", value] of lines) await print(err, `${dim(name.padEnd(11))}${value}`);
}

/** Nothing when another choice is to be made: what was typed is no answer, or was none. */
async function tried(choice: Choice, io: Io): Promise<Answer | undefined> {
  try {
    return await choice.answer();
  } catch (error) {
    if (!(error instanceof ValidationError) && !(error instanceof Stop && error.exitCode === exit.invalid)) throw error;
    await print(io.err, explain(error));
    return undefined;
  }
}

function choicesFor(asking: Asking): Choice[] {
  const { entry, io } = asking;
  const { yes, yesForSession, no } = rowOf(entry.kind);
  const text = textAnswerOf(entry.kind);
  const plain = (key: string, value: unknown, choice: "approve" | "approve-for-session"): Choice[] =>
    value === undefined
      ? []
      : [{ key, shown: visibleJson(value), answer: async () => answerOfChoice(entry.kind, choice) }];
  return [
    ...plain("y", yes, "approve"),
    ...plain("s", yesForSession, "approve-for-session"),
    ...(text === undefined ? [] : [{ key: "t", shown: text.prompt, answer: () => typed(asking) }]),
    ...(no === undefined ? [] : [{ key: "n", shown: visibleJson(no()), answer: () => refusal(asking) }]),
    { key: "e", shown: "edit the answer as JSON", answer: () => edited(asking) },
    { key: "?", shown: "show all of the request", answer: () => showAll(entry, io) },
  ];
}

async function typed({ entry, options, io, signal }: Asking): Promise<Answer | undefined> {
  const text = textAnswerOf(entry.kind);
  const line = text && (await ask(io, text.prompt, { secret: text.secret, signal }));
  if (line === undefined || line === "") return undefined;
  return await checkedAnswer(entry.kind, answerOfText(entry.kind, line, options));
}

/** Asks why, where the kind's no has a place for it. */
async function refusal({ entry, io, signal }: Asking): Promise<Answer> {
  const { no } = rowOf(entry.kind);
  const says = JSON.stringify(no?.("why")) !== JSON.stringify(no?.());
  const why = says ? await ask(io, "Why, for the model to read (may be empty)", { secret: false, signal }) : "";
  return answerOfChoice(entry.kind, "deny", why === "" ? undefined : why);
}

async function edited({ entry, signal }: Asking): Promise<Answer | undefined> {
  const { yes, no } = rowOf(entry.kind);
  const draft = visibleJson(yes ?? no?.() ?? {}, 2);
  const text = await editText(`${draft}\n`, "answer.json");
  signal.throwIfAborted();
  return text.trim() === "" ? undefined : await answerOfJson(entry, text);
}

async function showAll(entry: Entry, io: Io): Promise<undefined> {
  await print(io.err, describe(entry, paint(io.err).dim));
}
