/**
 * Tells somebody of each need, once for each name. What was told is written down in the ledger, as receipts of the entry:
 *
 *     telling    on disk before anybody is told
 *     told       the command ended with 0, or the webhook answered with 2xx: nobody is told of this need again
 *     not told   it failed, and is tried again after a pause
 *
 * One that is killed while it tells leaves `telling`. Whoever looks after the time of a try is over tells it again, and says so.
 */

import { LedgerError } from "../../base/errors.js";
import { pause } from "../../base/until.js";
import type { Entry, Filter, Ledger, NoticeRight } from "../../ledger/index.js";
import { allEntries } from "../../ledger/internal.js";
import { summary } from "../entries.js";
import { explainShort } from "../exit.js";
import { type Io, progress } from "../io.js";
import type { Log } from "../log.js";
import { needJson } from "./need.js";
import type { Sink } from "./sinks.js";

export interface Telling {
  readonly ledger: Ledger;
  readonly filter: Filter;
  readonly sink: Sink;
  readonly ticket: ((ledger: Ledger, id: string) => Promise<{ link: string | undefined; expiresAt: Date }>) | undefined;
  readonly by: string;
  /** Who is told. */
  readonly name: string;
  /** How long one try may take. */
  readonly timeoutMs: number;
  /** How long an entry waits before anybody is told. */
  readonly afterMs: number;
}

interface Running {
  readonly once: boolean;
  readonly log: Log;
  readonly io: Io;
}

/** After the time of a try, for the last words of who tries. */
const graceMs = 10_000;
const firstPauseMs = 1000;
const longestPauseMs = 900_000;

/** Tells until a signal ends it; with `once`, what waits now. */
export async function tellNeeds(telling: Telling, running: Running): Promise<{ told: number; failed: number }> {
  const { ledger, filter } = telling;
  const { io, once } = running;
  const counts = { told: 0, failed: 0 };
  const slots = new Slots();
  const under = new Map<string, Promise<void>>();
  const take = (entry: Entry): void => {
    if (under.has(entry.credential)) return;
    const work = tellOne(telling, running, slots, entry).then((did) => {
      if (did === "told") counts.told++;
      if (did === "failed") counts.failed++;
      under.delete(entry.credential);
    });
    under.set(entry.credential, work);
  };
  // Watching starts before the list is read, so that no entry between the two is missed.
  const transitions = once ? undefined : ledger.watch(filter, { signal: io.signal });
  const first = transitions?.next();
  first?.catch(() => undefined);
  for await (const entry of allEntries(ledger, filter)) take(entry);
  if (transitions !== undefined && first !== undefined) await follow({ transitions, first, take }, io);
  await Promise.all(under.values());
  return counts;
}

type Transitions = ReturnType<Ledger["watch"]>;

async function follow(
  {
    transitions,
    first,
    take,
  }: { transitions: Transitions; first: ReturnType<Transitions["next"]>; take(entry: Entry): void },
  io: Io,
): Promise<void> {
  using _ = progress(io.err, "waits for something to tell");
  try {
    for (let step = await first; !step.done; step = await transitions.next()) take(step.value);
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
}

type Did = "told" | "failed" | "nothing";

/** Tells of one need, and tries until that is done or nobody waits any more. */
async function tellOne(telling: Telling, running: Running, slots: Slots, entry: Entry): Promise<Did> {
  const { afterMs } = telling;
  const { once, log, io } = running;
  let pauseMs = firstPauseMs;
  try {
    await pause(Math.max(0, entry.createdAt.getTime() + afterMs - Date.now()), io.signal);
    for (let current: Entry | undefined = entry; current !== undefined; ) {
      const about = { id: current.id, session: current.sessionId, kind: current.kind };
      const { did, why, leftMs, again } = await slots.use(() => tryOnce(telling, current ?? entry, io.signal));
      if (did === "told") await log({ did, ...about, what: summary(current), again });
      if (did === "failed") await log({ did, level: "warn", ...about, why });
      if (did === "told" || did === "nothing" || once) return did === "busy" || did === "over" ? "nothing" : did;
      if (did === "over") current = await another(telling, entry);
      else await pause(leftMs ?? pauseMs, io.signal);
      if (did === "failed") pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
    return "nothing";
  } catch (error) {
    if (io.signal.aborted) return "nothing";
    await log({ did: "failed", level: "error", id: entry.id, session: entry.sessionId, why: explainShort(error) });
    return "failed";
  }
}

/** Another entry that waits for the same answer. */
async function another({ ledger, filter }: Telling, { credential }: Entry): Promise<Entry | undefined> {
  const [found] = await ledger.list({ ...filter, credential, limit: 1 });
  return found;
}

interface Tried {
  readonly did: Did | "busy" | "over";
  readonly why?: string;
  /** How long somebody else may still tell it. */
  readonly leftMs?: number;
  readonly again?: "again" | undefined;
}

async function tryOnce(telling: Telling, entry: Entry, signal: AbortSignal): Promise<Tried> {
  const { ledger, name, by, timeoutMs } = telling;
  try {
    const notice = await ledger.notice(entry.id, { name, by, leaseMs: timeoutMs + graceMs });
    if (notice.state === "told") return { did: "nothing" };
    if (notice.state !== "ours")
      return { did: notice.state, ...(notice.state === "busy" && { leftMs: notice.leftMs }) };
    const why = await tell(telling, entry, notice, signal);
    if (why !== undefined) return { did: "failed", why };
    await notice.told();
    return { did: "told", again: notice.again ? "again" : undefined };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.code === "UNKNOWN_ENTRY") return { did: "over" };
    // Nothing is lost: the store is asked again.
    if (error.code === "UNAVAILABLE" && !signal.aborted) return { did: "failed", why: explainShort(error) };
    throw error;
  }
}

/** Why it failed; nothing when somebody was told. Where a signal ends it nobody knows, and the next try says `again` as well. */
async function tell(
  { ledger, sink, ticket, timeoutMs }: Telling,
  entry: Entry,
  notice: NoticeRight,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const made = await ticket?.(ledger, entry.id);
    const told = { again: notice.again, link: made?.link, linkExpiresAt: made?.expiresAt };
    const json = await needJson(ledger, entry, told);
    await sink(json, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    return undefined;
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    const why = signal.aborted ? "stopped" : late ? "it took too long" : explainShort(error);
    await notice.failed(why);
    signal.throwIfAborted();
    return why;
  }
}

/** So many at a time: a backlog must not start a process for each. */
class Slots {
  #free = 4;
  readonly #waiting: (() => void)[] = [];

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
