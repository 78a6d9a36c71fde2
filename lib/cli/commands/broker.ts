import type { Claim, Filter, Ledger } from "../../ledger/index.js";
import { escapeRemark, runCommand } from "../child.js";
import { Cooling } from "../cooling.js";
import { every, short, what } from "../entries.js";
import { exit, explainShort } from "../exit.js";
import { type Io, oneLine, print, printJson, progress, remark } from "../io.js";
import { kindNames } from "../names-of.js";
import { reachLedger } from "../reach.js";
import { defaultLeaseMs, requestJson, Unwanted, withLease } from "../work.js";
import { answerOfJson } from "./answer.js";
import { count, oneOf, text } from "./command.js";

interface Given {
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

export type Fate = "answered" | "cancelled" | "retry" | "unwanted";

interface Done {
  readonly fate: Fate;
  readonly reason?: string;
}

export async function broker(given: Given, io: Io): Promise<number | undefined> {
  const exec = text(given.exec, "--exec", "broker");
  const kind = oneOf(given.kind, kindNames, "kind");
  const filter: Wanted = {
    ...(kind.length > 0 ? { kind } : {}),
    ...(given.session ? { sessionId: given.session } : {}),
    ...(given.principal === undefined ? {} : { principal: given.principal }),
  };
  const leaseMs = (count(given.lease, "lease") ?? defaultLeaseMs / 1000) * 1000;
  const owner = given.by ?? `latchkey broker ${process.pid}`;
  await using ledger = await reachLedger(given.ledger, { make: true });
  const worker = { ledger, filter, exec, leaseMs, owner, cooling: new Cooling() };
  let fate: Fate | undefined;
  const work = async (): Promise<void> => {
    while (!io.signal.aborted) {
      const claim = await next(worker, io);
      if (claim === undefined) return;
      fate = await attempt(worker, claim, given.json === true, io);
      if (given.once) return;
    }
  };
  const jobs = given.once ? 1 : Math.max(1, count(given.jobs, "jobs") ?? 1);
  await Promise.all(Array.from({ length: jobs }, work));
  if (given.once && fate === undefined) return exit.nothing;
  return given.once && fate === "retry" ? exit.failed : undefined;
}

type Wanted = Omit<Filter, "state">;

interface Worker {
  readonly ledger: Ledger;
  readonly filter: Wanted;
  readonly exec: string;
  readonly leaseMs: number;
  readonly owner: string;
  readonly cooling: Cooling;
}

/** The next claim that is not cooling down; nothing when the broker is to end. */
async function next({ ledger, filter, leaseMs, owner, cooling }: Worker, io: Io): Promise<Claim | undefined> {
  using _ = progress(io.err, "waits for something to answer");
  try {
    for (;;) {
      if (!cooling.any()) return await ledger.claim(filter, { owner, leaseMs, signal: io.signal });
      for await (const { id, credential } of every(ledger, { ...filter, state: "open" })) {
        const claim = cooling.has(credential) ? undefined : await ledger.claim({ id }, { owner, leaseMs });
        if (claim !== undefined) return claim;
      }
      await cooling.pause(io.signal);
    }
  } catch (error) {
    if (io.signal.aborted) return undefined;
    throw error;
  }
}

async function attempt(worker: Worker, claim: Claim, json: boolean, io: Io): Promise<Fate> {
  const { id, kind, credential } = claim.entry;
  const { fate, reason } = await work(worker, claim, io);
  // Asked again before it is given back, or it would be claimed again at once.
  if (fate === "retry") worker.cooling.add(credential);
  else worker.cooling.forget(credential);
  await claim.release().catch(() => undefined);
  const record = { id, kind, fate, ...(reason === undefined ? {} : { reason }) };
  if (json) await printJson(io.out, record);
  else
    await print(
      io.out,
      `${short(id)} ${fate}${reason === undefined ? "" : `: ${oneLine(reason)}`}  ${kind} ${what(claim.entry)}`,
    );
  return fate;
}

async function work({ exec, leaseMs }: Worker, claim: Claim, io: Io): Promise<Done> {
  try {
    return await withLease(claim, { leaseMs, signal: io.signal }, async (signal) => {
      // Not a line that goes away: what the command says itself comes below it.
      await remark(io.err, `${short(claim.entry.id)}: the command runs`);
      const input = `${JSON.stringify(await requestJson(claim))}\n`;
      const { code, signal: killedBy, stdout, escaped } = await runCommand(exec, input, signal);
      if (escaped) await print(io.err, `${short(claim.entry.id)}: ${escapeRemark}`);
      if (code === noPermission) {
        await claim.cancel({ reason: `the broker's command ended with exit code ${code}` });
        return { fate: "cancelled" };
      }
      if (code === tempFail) return { fate: "retry" };
      if (code !== 0) return { fate: "retry", reason: `the command ended with ${killedBy ?? `exit code ${code}`}` };
      await claim.answer(await answerOfJson(claim.entry, stdout));
      return { fate: "answered" };
    });
  } catch (error) {
    if (error instanceof Unwanted) return { fate: "unwanted", reason: error.message };
    return {
      fate: "retry",
      reason: io.signal.aborted ? "the broker was stopped" : explainShort(error),
    };
  }
}
