import type { AnswerOptions, Claim, Entry, Ledger } from "../../ledger/index.js";
import type { TextOptions } from "../../pending/index.js";
import { type Answer, answerOfChoice, answerOfJson, answerOfText, type Choice, textAnswerOf } from "../answers.js";
import { escapeRemark, runCommand } from "../child.js";
import { chooseAnswer } from "../choose.js";
import { findEntry, shortId } from "../entries.js";
import { exit, Stop, UsageError } from "../exit.js";
import { type Io, print, printJson, remark } from "../io.js";
import { defaultLeaseMs, requestJson, withLease } from "../lease.js";
import { readAll } from "../prompt.js";
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
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const entry = await findEntry(ledger, id);
  refuseFinal(entry);
  const options = {
    by: flags.by ?? `latchkey answer ${process.pid}`,
    actor: actorOf(flags, io),
    ...(flags.account === undefined ? {} : { account: flags.account }),
  };
  const answered = await answerAs({ ledger, entry, choice, flags, options }, io);
  if (flags.json) await printJson(io.out, answered);
  else await print(io.out, `${shortId(answered.id)} ${answered.state}`);
}

async function answerAs({ choice, ...work }: Work & { choice: Choice | undefined }, io: Io): Promise<Entry> {
  const { ledger, entry, flags, options } = work;
  if (flags.exec !== undefined) return await answerByCommand({ ...work, exec: flags.exec }, io);
  const asks = io.in.isTTY && choice === undefined && !flags.json;
  if (asks) return await answerByPerson(work, io);
  return await ledger.answer(entry.id, await plainAnswer(entry, choice, flags, io), options);
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
  const takesText = textAnswerOf(entry.kind) !== undefined;
  return textAnswer(entry, takesText ? await readAll(io.in) : "", flags);
}

const textOptions = (flags: Flags): TextOptions => ({ expiresIn: flags.expiresIn, tokenType: flags["token-type"] });

const textAnswer = (entry: Entry, text: string, flags: Flags): Answer =>
  answerOfText(entry.kind, text, textOptions(flags));

interface Work {
  readonly ledger: Ledger;
  readonly entry: Entry;
  readonly flags: Flags;
  readonly options: AnswerOptions & { readonly by: string };
}

/** Claims the entry meanwhile, so that nobody else works on it. One that is answered already has nothing to claim. */
async function answerByPerson({ ledger, entry, flags, options }: Work, io: Io): Promise<Entry> {
  const choose = (signal: AbortSignal): Promise<Answer> =>
    chooseAnswer({ entry, options: textOptions(flags), io, signal });
  if (entry.state !== "open") return await ledger.answer(entry.id, await choose(io.signal), options);
  await using claim = await claimFor({ ledger, entry, options });
  return await withLease(claim, { leaseMs: defaultLeaseMs, signal: io.signal }, async (signal) =>
    claim.answer(await choose(signal), options),
  );
}

async function claimFor({ ledger, entry, options }: Pick<Work, "ledger" | "entry" | "options">): Promise<Claim> {
  const claim = await ledger.claim({ id: entry.id }, { owner: options.by, leaseMs: defaultLeaseMs });
  if (claim === undefined)
    throw new Stop(exit.refused, `entry ${shortId(entry.id)} is claimed by somebody else, or not open`);
  return claim;
}

async function answerByCommand({ exec, ...work }: Work & { readonly exec: string }, io: Io): Promise<Entry> {
  const { entry, flags, options } = work;
  await using claim = await claimFor(work);
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
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const found = await findEntry(ledger, id);
  const by = flags.by ?? `latchkey cancel ${process.pid}`;
  const entry = await ledger.cancel(found.id, { by, reason: flags.reason, force: flags.force });
  if (flags.json) await printJson(io.out, entry);
  else await print(io.out, `${shortId(entry.id)} ${entry.state}`);
}
