/**
 * A broker's life: it claims one need after the other and hands each to a worker, until a signal ends it.
 *
 *     waits      nothing to claim, or only what is parked, failed a moment ago, or waits for a person who is busy
 *     works      the claim is held and its lease kept alive, until the worker says what became of it
 *
 * A worker that needs a person first says so (`person`): the need is given back and left to the lane of people, so that what needs
 * nobody goes on meanwhile.
 */
import { OAuthError, type OAuthErrorCode, ValidationError } from "../../base/errors.js";
import type { Claim, Filter, Ledger } from "../../ledger/index.js";
import { allEntries } from "../../ledger/internal.js";
import { exit, explainShort, Stop } from "../exit.js";
import { type Io, progress } from "../io.js";
import { NobodyWaits, withLease } from "../lease.js";
import { Backoff } from "./backoff.js";

/**
 * - `refused`: another try would fail as well, and perhaps obtain another token. It is parked: this broker leaves it alone.
 * - `left`: it is parked for others, a person with `latchkey finish` for example.
 * - `person`: it waits for the lane of people.
 */
export type Fate = "answered" | "cancelled" | "declined" | "retry" | "refused" | "unwanted" | "left" | "person";

export interface Done {
  readonly fate: Fate;
  readonly reason?: string | undefined;
  /** What else the log says. */
  readonly fields?: Readonly<Record<string, string | number | undefined>> | undefined;
}

/** `machine` works on what needs no person, `people` on what does, `all` on both, one after the other. */
export type Lane = "all" | "machine" | "people";

export interface Worker {
  /** Works on one claim. What it throws becomes a fate. */
  work(claim: Claim, lane: Lane, signal: AbortSignal): Promise<Done>;
  /** Says what became of it. */
  tell(claim: Claim, done: Done): Promise<void>;
}

export interface Brokering {
  readonly ledger: Ledger;
  readonly filter: Omit<Filter, "state">;
  readonly owner: string;
  readonly leaseMs: number;
  readonly worker: Worker;
}

/** Works in these lanes at once, and in each until the broker ends. With `once`, one claim is worked on; its fate is returned. */
export async function runLanes(
  brokering: Brokering,
  { lanes, once }: { lanes: readonly Lane[]; once: boolean },
  io: Io,
): Promise<Fate | undefined> {
  const state: State = { ...brokering, backoff: new Backoff(), people: new Set() };
  let fate: Fate | undefined;
  const run = async (lane: Lane): Promise<void> => {
    while (!io.signal.aborted) {
      const claim = await next(state, lane, io);
      if (claim === undefined) return;
      fate = await attempt(state, claim, lane, io);
      if (once) return;
    }
  };
  await Promise.all(lanes.map(run));
  return fate;
}

interface State extends Brokering {
  readonly backoff: Backoff;
  /** Credentials that wait for a person. */
  readonly people: Set<string>;
}

/** The next claim of this lane. Undefined when the broker is to end. */
async function next(state: State, lane: Lane, io: Io): Promise<Claim | undefined> {
  const { ledger, filter, leaseMs, owner, backoff, people } = state;
  using _ = lane === "people" ? undefined : progress(io.err, "waits for something to answer");
  const passes = (credential: string, id: string): boolean =>
    backoff.has(credential, id) || (lane !== "all" && people.has(credential) !== (lane === "people"));
  try {
    for (;;) {
      if (lane !== "people" && people.size === 0 && !backoff.any())
        return await ledger.claim(filter, { owner, leaseMs, signal: io.signal });
      const open = new Set<string>();
      const looks = lane !== "people" || people.size > 0;
      if (looks)
        for await (const { id, credential } of allEntries(ledger, { ...filter, state: "open" })) {
          open.add(id);
          const claim = passes(credential, id) ? undefined : await ledger.claim({ id }, { owner, leaseMs });
          if (claim !== undefined) return claim;
        }
      if (lane !== "people") backoff.keepParked(open);
      await backoff.pause(io.signal);
    }
  } catch (error) {
    if (io.signal.aborted) return undefined;
    throw error;
  }
}

async function attempt(state: State, claim: Claim, lane: Lane, io: Io): Promise<Fate> {
  const { backoff, people, worker } = state;
  const { credential } = claim.entry;
  try {
    const done = await work(state, claim, lane, io);
    const { fate } = done;
    // Before the release: the entry would be claimed again at once.
    if (fate === "retry") backoff.add(credential);
    else backoff.forget(credential);
    if (fate === "refused" || fate === "left") backoff.park(claim.entries.map((entry) => entry.id));
    if (fate === "person") people.add(credential);
    else people.delete(credential);
    await claim.release().catch(() => undefined);
    await worker.tell(claim, done);
    return fate;
  } finally {
    await claim.release().catch(() => undefined);
  }
}

async function work({ worker, leaseMs }: State, claim: Claim, lane: Lane, io: Io): Promise<Done> {
  try {
    return await withLease(claim, { leaseMs, signal: io.signal }, (signal) => worker.work(claim, lane, signal));
  } catch (error) {
    if (error instanceof NobodyWaits) return { fate: "unwanted", reason: error.message };
    if (isInterrupt(error)) throw error;
    if (isRefusal(error)) return { fate: "refused", reason: explainShort(error) };
    return { fate: "retry", reason: io.signal.aborted ? "the broker was stopped" : explainShort(error) };
  }
}

/** Somebody pressed Ctrl-C at a prompt. */
const isInterrupt = (error: unknown): boolean => error instanceof Stop && error.exitCode === exit.interrupted;

/** What may be otherwise the next time: the network, a server that is not well, a code that has ended. */
const passing: readonly OAuthErrorCode[] = ["UNREACHABLE", "EXPIRED"];
const passingErrors: readonly string[] = ["invalid_grant", "temporarily_unavailable", "server_error"];

function isRefusal(error: unknown): boolean {
  if (!(error instanceof OAuthError))
    return error instanceof ValidationError || (error instanceof Stop && error.exitCode === exit.invalid);
  if (passing.includes(error.code) || passingErrors.includes(error.error ?? "")) return false;
  return error.status === undefined || (error.status < 500 && error.status !== 429);
}
