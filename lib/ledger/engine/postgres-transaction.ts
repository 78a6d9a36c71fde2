import { afterLast, isLast, type Question, questionsOf, type Replies, type Row, type Rule } from "./engine.js";
import type { Lane, Reply } from "./postgres-lane.js";
import type { Statements } from "./postgres-statements.js";

export interface TransactionOptions {
  readonly statements: Statements;
  readonly prepare: boolean;
  /** Waits for everything that was sent, within a time limit. */
  readonly settled: () => Promise<void>;
}

/** Settings of each transaction, in milliseconds. */
export type Limits = Readonly<Record<string, number>>;

/** Sends one statement of a rule. */
function send(lane: Lane, question: Question, { statements, prepare }: TransactionOptions): Promise<Reply> {
  const { sql, params, kept } = statements.of(question);
  return kept ? lane.send(sql, params, { prepare }) : lane.send(sql, [], { simple: true });
}

/** Runs a rule outside a transaction: for one that only reads. */
export async function readOver<T>(lane: Lane, rule: Rule<T>, options: TransactionOptions): Promise<T> {
  let next = rule.next();
  while (!next.done) {
    const sent = questionsOf(next.value).map((question) => send(lane, question, options));
    await options.settled();
    next = rule.next(await rowsOf(sent));
  }
  return next.value;
}

/**
 * Runs a rule as one transaction over a lane. BEGIN travels with the first step and COMMIT with the last statements. Nothing is
 * written before the reply to BEGIN has come.
 */
export async function transactOver<T>(
  lane: Lane,
  rule: Rule<T>,
  options: TransactionOptions & { readonly limits: Limits; readonly beforeCommit: () => void },
): Promise<T> {
  let ended: Promise<Reply> | undefined;
  const end = (): Promise<Reply> => {
    options.beforeCommit();
    return lane.send("commit", [], { simple: true });
  };
  try {
    let next = rule.next();
    if (!next.done) next = rule.next(await begin(lane, questionsOf(next.value), options));
    while (!next.done) {
      if (ended !== undefined) throw afterLast();
      const step = next.value;
      const sent = questionsOf(step).map((question) => send(lane, question, options));
      if (isLast(step)) ended = end();
      if (!("later" in step)) await options.settled();
      next = rule.next("later" in step ? [] : await rowsOf(sent));
    }
    if (ended === undefined) {
      ended = end();
      await options.settled();
    }
    // A server that has rolled back says so, and calls it no error.
    if ((await ended).command !== "COMMIT")
      throw Object.assign(new Error("the transaction was rolled back"), { code: "40000" });
    return next.value;
  } catch (error) {
    await undo(lane, options);
    throw error;
  }
}

/**
 * BEGIN and the first step. The limits see to it that a transaction whose host has gone keeps no locks, and that none waits for them for
 * ever. They and a lock go with BEGIN in one message. Only its whole reply tells that the transaction has begun: something in between may
 * have answered BEGIN by itself.
 */
async function begin(
  lane: Lane,
  questions: readonly Question[],
  options: TransactionOptions & { readonly limits: Limits },
): Promise<Replies> {
  const limits = Object.entries(options.limits).map(([name, ms]) => `set local ${name} = ${ms}`);
  const [question] = questions;
  const locks = question !== undefined && "lock" in question ? [options.statements.lockText(question)] : [];
  const begun = lane.send(["begin", ...limits, ...locks].join(";"), [], { simple: true });
  const sent = questions.slice(locks.length).map((one) => send(lane, one, options));
  await options.settled();
  if ((await begun).command !== (locks.length > 0 ? "SELECT" : "SET"))
    throw Object.assign(new Error("the connection is in no transaction"), { code: "25P01" });
  return await rowsOf(locks.length > 0 ? [begun, ...sent] : sent);
}

/** A lane that cannot be cleaned up is of no more use; its server undoes everything. */
async function undo(lane: Lane, { settled }: TransactionOptions): Promise<void> {
  if (lane.isLost) return;
  const undone = lane.send("rollback", [], { simple: true });
  await settled().catch(() => undefined);
  if (lane.isLost) return;
  await undone.catch(() => lane.close());
}

async function rowsOf(sent: readonly Promise<Reply>[]): Promise<Replies> {
  return (await Promise.all(sent)).map(({ rows }): readonly Row[] => rows);
}
