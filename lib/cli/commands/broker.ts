import { longestTimerMs } from "../../base/amounts.js";
import type { Filter } from "../../ledger/index.js";
import { kindNames } from "../../pending/internal.js";
import { execWorker } from "../broker/exec.js";
import { type Brokering, type Lane, runLanes } from "../broker/loop.js";
import { exit, UsageError } from "../exit.js";
import { serveHealth } from "../health/server.js";
import type { Io } from "../io.js";
import { defaultLeaseMs } from "../lease.js";
import { createLog } from "../log.js";
import { reachLedger } from "../reach.js";
import type { SignInFlags } from "../sign-in/options.js";
import { count, oneOf, seconds } from "./command.js";

interface Flags extends SignInFlags {
  ledger?: string | undefined;
  json?: boolean | undefined;
  health?: string | undefined;
  exec?: string | undefined;
  oauth?: boolean | undefined;
  kind?: string[] | undefined;
  session?: string[] | undefined;
  principal?: string | undefined;
  jobs?: string | undefined;
  lease?: string | undefined;
  by?: string | undefined;
  once?: boolean | undefined;
}

export async function broker(flags: Flags, io: Io): Promise<number | undefined> {
  if (Boolean(flags.exec) === Boolean(flags.oauth)) throw new UsageError("give --exec or --oauth", "broker");
  const jobs = Math.max(1, count(flags.jobs, "jobs") ?? 1);
  const signIn = flags.oauth ? await signInFor(flags, jobs, io) : undefined;
  const leaseMs = leaseOf(seconds(flags.lease, "lease"), signIn === undefined ? defaultLeaseMs : signInLeaseMs);
  await using ledger = await reachLedger(flags.ledger, { make: true, signal: io.signal });
  const basis = { ledger, owner: flags.by ?? `latchkey broker ${process.pid}`, leaseMs };
  const log = createLog(flags.json === true, io);
  await using _health = await serveHealth(flags.health, { ledger, log });
  using signInWorker = signIn?.worker(basis, log);
  const worker = signInWorker ?? execWorker(flags.exec ?? "", basis, { log, io });
  const brokering: Brokering = { ...basis, filter: filterOf(flags, signIn !== undefined), worker };
  const lanes = flags.once ? (["all"] as const) : (signIn?.lanes ?? Array.from({ length: jobs }, (): Lane => "all"));
  const fate = await runLanes(brokering, { lanes, once: flags.once === true }, io);
  if (!flags.once) return undefined;
  if (fate === undefined) return exit.nothing;
  return ["retry", "refused", "left"].includes(fate) ? exit.failed : undefined;
}

/** A person may take minutes, and a broker that is gone must not hold up who ends what it began. */
const signInLeaseMs = 15_000;

/** Its code and latchkey/oauth are loaded for this alone. */
async function signInFor(flags: Flags, jobs: number, io: Io) {
  const { signInOptions } = await import("../sign-in/options.js");
  const options = await signInOptions(flags, io);
  const { signInWorker } = await import("../sign-in/worker.js");
  if (options.way === "paste" && jobs > 1) throw new UsageError("--paste takes one sign-in at a time", "broker");
  const people = options.way === "none" ? [] : Array.from({ length: jobs }, (): Lane => "people");
  return {
    lanes: ["machine", ...people] satisfies Lane[],
    worker: (basis: Pick<Brokering, "ledger" | "owner">, log: ReturnType<typeof createLog>) =>
      signInWorker({ ...basis, options, log, io }),
  };
}

function filterOf(flags: Flags, oauth: boolean): Omit<Filter, "state"> {
  const kind = oneOf(flags.kind, kindNames, "kind");
  if (oauth && kind.some((name) => name !== "mcp.oauth_required"))
    throw new UsageError("--oauth answers mcp.oauth_required alone", "broker");
  return {
    ...(oauth ? { kind: "mcp.oauth_required" } : kind.length > 0 ? { kind } : {}),
    ...(flags.session ? { sessionId: flags.session } : {}),
    ...(flags.principal === undefined ? {} : { principal: flags.principal }),
  };
}

function leaseOf(length: number | undefined, defaultMs: number): number {
  if (length === undefined) return defaultMs;
  const ms = Math.round(length * 1000);
  if (ms < 1 || ms > longestTimerMs) throw new UsageError("--lease must be from 0.001 to 2147483 seconds", "broker");
  return ms;
}
