import { longestTimerMs } from "../../base/amounts.js";
import { LedgerError, type LedgerErrorCode, ValidationError } from "../../base/errors.js";
import { pause } from "../../base/until.js";
import type { Claim, Filter, Ledger } from "../../ledger/index.js";
import { allEntries } from "../../ledger/internal.js";
import type { AnswerOf, KindName } from "../../pending/index.js";
import { kindNames } from "../../pending/internal.js";
import { answerOfJson } from "../answers.js";
import { escapeRemark, runCommand } from "../child.js";
import { shortId, summary } from "../entries.js";
import { exit, explainShort, Stop, UsageError } from "../exit.js";
import { type Io, oneLine, print, progress, remark } from "../io.js";
import { defaultLeaseMs, NobodyWaits, requestJson, withLease } from "../lease.js";
import { createLog, type Level, type Log } from "../log.js";
import { reachLedger } from "../reach.js";
import { count, oneOf, seconds, text } from "./command.js";

interface Flags {
  ledger?: string | undefined;
  json?: boolean | undefined;
  exec?: string | undefined;
  kind?: string[] | undefined;
  session?: string[] | undefined;
  principal?: string | undefined;
  jobs?: string | undefined;
  lease?: string | undefined;
  by?: string | undefined;
  once?: boolean | undefined;
}

/** `sysexits.h`: what a command says by how it ends. */
const tempFail = 75;
const noPermission = 77;
const lookAgainMs = 250;

/** `refused`: the command ended well, and its output is no valid answer. Run again, it would obtain another token and probably print the same. */
export type Fate = "answered" | "cancelled" | "retry" | "refused" | "unwanted";

const levels: Readonly<Record<Fate, Level>> = {
  answered: "info",
  cancelled: "info",
  unwanted: "info",
  retry: "warn",
  refused: "error",
};

type Selection = Omit<Filter, "state">;

interface Done {
  readonly fate: Fate;
  readonly reason?: string;
}

export async function broker(flags: Flags, io: Io): Promise<number | undefined> {
  const exec = text(flags.exec, "--exec", "broker");
  const kind = oneOf(flags.kind, kindNames, "kind");
  const filter: Selection = {
    ...(kind.length > 0 ? { kind } : {}),
    ...(flags.session ? { sessionId: flags.session } : {}),
    ...(flags.principal === undefined ? {} : { principal: flags.principal }),
  };
  const leaseMs = leaseOf(seconds(flags.lease, "lease"));
  const owner = flags.by ?? `latchkey broker ${process.pid}`;
  await using ledger = await reachLedger(flags.ledger, { make: true, signal: io.signal });
  const worker = {
    ledger,
    filter,
    exec,
    leaseMs,
    owner,
    log: createLog(flags.json === true, io),
    backoff: new Backoff(),
  };
  let fate: Fate | undefined;
  const work = async (): Promise<void> => {
    while (!io.signal.aborted) {
      const claim = await next(worker, io);
      if (claim === undefined) return;
      fate = await attempt(worker, claim, io);
      if (flags.once) return;
    }
  };
  const jobs = flags.once ? 1 : Math.max(1, count(flags.jobs, "jobs") ?? 1);
  await Promise.all(Array.from({ length: jobs }, work));
  if (!flags.once) return undefined;
  if (fate === undefined) return exit.nothing;
  return fate === "retry" || fate === "refused" ? exit.failed : undefined;
}

function leaseOf(length: number | undefined): number {
  if (length === undefined) return defaultLeaseMs;
  const ms = Math.round(length * 1000);
  if (ms < 1 || ms > longestTimerMs) throw new UsageError("--lease must be from 0.001 to 2147483 seconds", "broker");
  return ms;
}

interface Worker {
  readonly ledger: Ledger;
  readonly filter: Selection;
  readonly exec: string;
  readonly leaseMs: number;
  readonly owner: string;
  /** One line for each claim. */
  readonly log: Log;
  readonly backoff: Backoff;
}

/** The next claim that is neither parked nor waiting for its next try. Undefined when the broker is to end. */
async function next({ ledger, filter, leaseMs, owner, backoff }: Worker, io: Io): Promise<Claim | undefined> {
  using _ = progress(io.err, "waits for something to answer");
  try {
    for (;;) {
      if (!backoff.any()) return await ledger.claim(filter, { owner, leaseMs, signal: io.signal });
      const open = new Set<string>();
      for await (const { id, credential } of allEntries(ledger, { ...filter, state: "open" })) {
        open.add(id);
        const claim = backoff.has(credential, id) ? undefined : await ledger.claim({ id }, { owner, leaseMs });
        if (claim !== undefined) return claim;
      }
      backoff.keepParked(open);
      await backoff.pause(io.signal);
    }
  } catch (error) {
    if (io.signal.aborted) return undefined;
    throw error;
  }
}

async function attempt(worker: Worker, claim: Claim, io: Io): Promise<Fate> {
  const { id, kind, credential } = claim.entry;
  const { fate, reason } = await work(worker, claim, io);
  // Before the release: the entry would be claimed again at once.
  if (fate === "retry") worker.backoff.add(credential);
  else worker.backoff.forget(credential);
  if (fate === "refused") worker.backoff.park(claim.entries.map((entry) => entry.id));
  await claim.release().catch(() => undefined);
  await worker.log(
    { did: fate, level: levels[fate], id, session: claim.entry.sessionId, kind, fate, fence: claim.fence, reason },
    `${shortId(id)} ${fate}${reason === undefined ? "" : `: ${oneLine(reason)}`}  ${kind} ${summary(claim.entry)}`,
  );
  return fate;
}

async function work(worker: Worker, claim: Claim, io: Io): Promise<Done> {
  const { exec, leaseMs } = worker;
  try {
    return await withLease(claim, { leaseMs, signal: io.signal }, async (signal) => {
      // A line that stays: the command's own messages come below it.
      await remark(io.err, `${shortId(claim.entry.id)}: the command runs`);
      const input = `${JSON.stringify(await requestJson(claim))}\n`;
      const { code, signal: killedBy, stdout, escaped } = await runCommand(exec, input, signal);
      if (escaped) await print(io.err, `${shortId(claim.entry.id)}: ${escapeRemark}`);
      if (code === noPermission) {
        await claim.cancel({ reason: `the broker's command ended with exit code ${code}` });
        return { fate: "cancelled" };
      }
      if (code === tempFail) return { fate: "retry" };
      if (code !== 0) return { fate: "retry", reason: `the command ended with ${killedBy ?? `exit code ${code}`}` };
      await writeAnswer(worker, claim, await answerOfJson(claim.entry, stdout), signal);
      return { fate: "answered" };
    });
  } catch (error) {
    if (error instanceof NobodyWaits) return { fate: "unwanted", reason: error.message };
    if (isRefusal(error))
      return { fate: "refused", reason: `${explainShort(error)}; the command is not run for it again by this broker` };
    return {
      fate: "retry",
      reason: io.signal.aborted ? "the broker was stopped" : explainShort(error),
    };
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof ValidationError || (error instanceof Stop && error.exitCode === exit.invalid);

const isLedgerError = (error: unknown, code: LedgerErrorCode): boolean =>
  error instanceof LedgerError && error.code === code;

/**
 * Writes the command's answer into the ledger. A store that is away for a moment, or a claim that ran out without a successor, must not
 * lose it: the command would have to obtain it again.
 */
async function writeAnswer(
  { ledger, owner }: Worker,
  claim: Claim,
  answer: AnswerOf<KindName>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await claim.answer(answer, { actor: "automation" });
      return;
    } catch (error) {
      if (isLedgerError(error, "FENCED")) {
        await ledger.answer(claim.entry.id, answer, { by: owner, actor: "automation" });
        return;
      }
      if (!isLedgerError(error, "UNAVAILABLE")) throw error;
      await pause(lookAgainMs, signal);
    }
  }
}

const firstPauseMs = 1000;
const longestPauseMs = 300_000;
const lookMs = 1000;

/**
 * Credentials whose command failed, each left alone for twice as long every time, and entries that are parked: their command printed
 * something that is no answer. Other work goes on meanwhile.
 */
class Backoff {
  readonly #until = new Map<string, { readonly at: number; readonly pauseMs: number }>();
  readonly #parked = new Set<string>();

  add(credential: string): void {
    const pauseMs = Math.min((this.#until.get(credential)?.pauseMs ?? firstPauseMs / 2) * 2, longestPauseMs);
    this.#until.set(credential, { at: performance.now() + pauseMs, pauseMs });
  }

  forget(credential: string): void {
    this.#until.delete(credential);
  }

  park(entries: readonly string[]): void {
    for (const id of entries) this.#parked.add(id);
  }

  /** Forgets parked entries that are not open any more. */
  keepParked(open: ReadonlySet<string>): void {
    for (const id of this.#parked) if (!open.has(id)) this.#parked.delete(id);
  }

  has(credential: string, entry: string): boolean {
    return this.#parked.has(entry) || (this.#until.get(credential)?.at ?? 0) > performance.now();
  }

  any(): boolean {
    return this.#parked.size > 0 || [...this.#until.values()].some(({ at }) => at > performance.now());
  }

  pause(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    let ms = lookMs;
    for (const { at } of this.#until.values()) if (at > now) ms = Math.min(ms, at - now);
    return pause(Math.max(10, ms), signal);
  }
}
