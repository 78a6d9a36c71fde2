import type { Claim, Entry, Ledger } from "../../ledger/index.js";
import { type Answer, answerOfChoice, answerOfText, type Choice, textAnswerOf } from "../answers.js";
import { escapeRemark, runCommand } from "../child.js";
import { findEntry, shortId } from "../entries.js";
import { exit, Stop, UsageError } from "../exit.js";
import { type Io, print, printJson, remark } from "../io.js";
import { ask, readAll } from "../prompt.js";
import { reachLedger } from "../reach.js";
import { defaultLeaseMs, requestJson, withLease } from "../work.js";

interface Given {
  ledger?: string | undefined;
  json?: boolean | undefined;
  exec?: string | undefined;
  approve?: boolean | undefined;
  "approve-once"?: boolean | undefined;
  "approve-for-session"?: boolean | undefined;
  deny?: boolean | undefined;
  feedback?: string | undefined;
  account?: string | undefined;
  by?: string | undefined;
  "token-type"?: string | undefined;
  expiresIn?: number | undefined;
}

export async function answer(id: string, given: Given, io: Io): Promise<undefined> {
  const choice = choiceOf(given);
  if (choice !== undefined && given.exec !== undefined)
    throw new UsageError("give a choice or --exec, not both", "answer");
  await using ledger = await reachLedger(given.ledger);
  const entry = await findEntry(ledger, id);
  refuseFinal(entry);
  const options = {
    by: given.by ?? `latchkey answer ${process.pid}`,
    ...(given.account === undefined ? {} : { account: given.account }),
  };
  const answered =
    given.exec === undefined
      ? await ledger.answer(entry.id, await plainAnswer(entry, choice, given, io), options)
      : await answerByCommand(ledger, entry, given.exec, given, options, io);
  if (given.json) await printJson(io.out, answered);
  else await print(io.out, `${shortId(answered.id)} ${answered.state}`);
}

function choiceOf(given: Given): Choice | undefined {
  const choices: Choice[] = [];
  if (given.approve || given["approve-once"]) choices.push("approve");
  if (given["approve-for-session"]) choices.push("approve-for-session");
  if (given.deny) choices.push("deny");
  if (choices.length > 1) throw new UsageError(`--${choices.join(" and --")} exclude each other`, "answer");
  return choices[0];
}

/** Before anybody is asked for anything. */
function refuseFinal({ id, state }: Entry): void {
  if (state === "open" || state === "answered") return;
  throw new Stop(exit.refused, `entry ${shortId(id)} is ${state}: it takes no answer`);
}

async function plainAnswer(entry: Entry, choice: Choice | undefined, given: Given, io: Io): Promise<Answer> {
  if (choice !== undefined) return answerOfChoice(entry.kind, choice, given.feedback);
  if (given.json) return await answerOfJson(entry, await readAll(io.in));
  const typed = textAnswerOf(entry.kind);
  if (typed === undefined) return answerOfText(entry.kind, "", {});
  return textAnswer(entry, io.in.isTTY ? await ask(io, typed.prompt, typed) : await readAll(io.in), given);
}

const textAnswer = (entry: Entry, text: string, given: Given): Answer =>
  answerOfText(entry.kind, text, { expiresIn: given.expiresIn, tokenType: given["token-type"] });

/** Checks JSON from outside against the schema of its kind. */
export async function answerOfJson({ kind }: Pick<Entry, "kind">, text: string): Promise<Answer> {
  const { check } = await import("../../base/check.js");
  const { kinds } = await import("../../pending/index.js");
  return check(kinds[kind].answer, parse(text), `answer to ${kind}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What does not parse may hold a secret all the same: the text stays out of the message.
    throw new Stop(exit.invalid, "the answer is no JSON");
  }
}

async function answerByCommand(
  ledger: Ledger,
  entry: Entry,
  exec: string,
  given: Given,
  options: { by: string; account?: string },
  io: Io,
): Promise<Entry> {
  await using claim = await ledger.claim({ id: entry.id }, { owner: options.by, leaseMs: defaultLeaseMs });
  if (claim === undefined)
    throw new Stop(exit.refused, `entry ${shortId(entry.id)} is claimed by another, or not open`);
  await remark(io.err, `${shortId(entry.id)}: the command runs`);
  return await withLease(claim, { leaseMs: defaultLeaseMs, signal: io.signal }, async (signal) => {
    const { code, signal: killedBy, stdout, escaped } = await runCommand(exec, await inputOf(claim), signal);
    if (escaped) await print(io.err, `${shortId(entry.id)}: ${escapeRemark}`);
    if (code !== 0)
      throw new Stop(exit.failed, `the command ended with ${killedBy ?? `exit code ${code}`}; nothing was answered`);
    const made = given.json ? await answerOfJson(entry, stdout) : textAnswer(entry, stdout, given);
    return await claim.answer(made, options);
  });
}

const inputOf = async (claim: Claim): Promise<string> => `${JSON.stringify(await requestJson(claim))}\n`;
