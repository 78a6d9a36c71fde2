import type { AnswerOptions, Claim, Entry, Ledger } from "../../ledger/index.js";
import { type Answer, answerOfChoice, answerOfText, type Choice, textAnswerOf } from "../answers.js";
import { escapeRemark, runCommand } from "../child.js";
import { findEntry, shortId } from "../entries.js";
import { exit, Stop, UsageError } from "../exit.js";
import { type Io, print, printJson, remark } from "../io.js";
import { defaultLeaseMs, requestJson, withLease } from "../lease.js";
import { ask, readAll } from "../prompt.js";
import { reachLedger } from "../reach.js";

interface Flags {
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

export async function answer(id: string, flags: Flags, io: Io): Promise<undefined> {
  const choice = choiceOf(flags);
  if (choice !== undefined && flags.exec !== undefined)
    throw new UsageError("give a choice or --exec, not both", "answer");
  await using ledger = await reachLedger(flags.ledger);
  const entry = await findEntry(ledger, id);
  refuseFinal(entry);
  const options = {
    by: flags.by ?? `latchkey answer ${process.pid}`,
    actor: actorOf(flags, io),
    ...(flags.account === undefined ? {} : { account: flags.account }),
  };
  const answered =
    flags.exec === undefined
      ? await ledger.answer(entry.id, await plainAnswer(entry, choice, flags, io), options)
      : await answerByCommand({ ledger, entry, exec: flags.exec, flags, options }, io);
  if (flags.json) await printJson(io.out, answered);
  else await print(io.out, `${shortId(answered.id)} ${answered.state}`);
}

/** Whoever has a terminal at hand is a person, a command is none; what came through a pipe may be either. */
function actorOf({ exec }: Flags, { in: input }: Io): "person" | "automation" | undefined {
  if (exec !== undefined) return "automation";
  return input.isTTY ? "person" : undefined;
}

function choiceOf(flags: Flags): Choice | undefined {
  const choices: Choice[] = [];
  if (flags.approve || flags["approve-once"]) choices.push("approve");
  if (flags["approve-for-session"]) choices.push("approve-for-session");
  if (flags.deny) choices.push("deny");
  if (choices.length > 1) throw new UsageError(`--${choices.join(" and --")} exclude each other`, "answer");
  return choices[0];
}

/** Checked before the person is asked for the answer. */
function refuseFinal({ id, state }: Entry): void {
  if (state === "open" || state === "answered") return;
  throw new Stop(exit.refused, `entry ${shortId(id)} is ${state}: it takes no answer`);
}

async function plainAnswer(entry: Entry, choice: Choice | undefined, flags: Flags, io: Io): Promise<Answer> {
  if (choice !== undefined) return answerOfChoice(entry.kind, choice, flags.feedback);
  if (flags.json) return await answerOfJson(entry, await readAll(io.in));
  const text = textAnswerOf(entry.kind);
  if (text === undefined) return answerOfText(entry.kind, "", {});
  return textAnswer(entry, io.in.isTTY ? await ask(io, text.prompt, text) : await readAll(io.in), flags);
}

const textAnswer = (entry: Entry, text: string, flags: Flags): Answer =>
  answerOfText(entry.kind, text, { expiresIn: flags.expiresIn, tokenType: flags["token-type"] });

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
    // Text that does not parse may still hold a secret: the message does not show it.
    throw new Stop(exit.invalid, "the answer is not JSON");
  }
}

interface CommandWork {
  readonly ledger: Ledger;
  readonly entry: Entry;
  readonly exec: string;
  readonly flags: Flags;
  readonly options: AnswerOptions & { readonly by: string };
}

async function answerByCommand({ ledger, entry, exec, flags, options }: CommandWork, io: Io): Promise<Entry> {
  await using claim = await ledger.claim({ id: entry.id }, { owner: options.by, leaseMs: defaultLeaseMs });
  if (claim === undefined)
    throw new Stop(exit.refused, `entry ${shortId(entry.id)} is claimed by somebody else, or not open`);
  await remark(io.err, `${shortId(entry.id)}: the command runs`);
  return await withLease(claim, { leaseMs: defaultLeaseMs, signal: io.signal }, async (signal) => {
    const { code, signal: killedBy, stdout, escaped } = await runCommand(exec, await inputOf(claim), signal);
    if (escaped) await print(io.err, `${shortId(entry.id)}: ${escapeRemark}`);
    if (code !== 0)
      throw new Stop(exit.failed, `the command ended with ${killedBy ?? `exit code ${code}`}; nothing was answered`);
    const value = flags.json ? await answerOfJson(entry, stdout) : textAnswer(entry, stdout, flags);
    return await claim.answer(value, options);
  });
}

const inputOf = async (claim: Claim): Promise<string> => `${JSON.stringify(await requestJson(claim))}\n`;

export async function cancel(
  id: string,
  flags: Pick<Flags, "ledger" | "json" | "by"> & { reason?: string | undefined; force?: boolean | undefined },
  io: Io,
): Promise<undefined> {
  await using ledger = await reachLedger(flags.ledger);
  const found = await findEntry(ledger, id);
  const by = flags.by ?? `latchkey cancel ${process.pid}`;
  const entry = await ledger.cancel(found.id, { by, reason: flags.reason, force: flags.force });
  if (flags.json) await printJson(io.out, entry);
  else await print(io.out, `${shortId(entry.id)} ${entry.state}`);
}
