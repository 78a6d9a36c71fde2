/**
 * Gives answered entries to the runtime. What happens to an entry that is answered, or in doubt:
 *
 *   -> queued    in the lane of its session
 *   -> given     the runtime has shown that it asked: marked `sent`, written to the wire, the reply settled
 *      or lost   the load that asked is gone
 *      or parked its session is not loaded here, or the runtime has not shown that it asked. Queued again when the runtime says
 *                something about the session, and by each patrol
 *
 * A patrol comes several times a lease. It looks for entries that somebody left in doubt, and for sessions that came back unnoticed.
 */
import { spanOf, waitOf } from "../base/amounts.js";
import { LatchkeyError } from "../base/errors.js";
import { pause } from "../base/until.js";
import { createEvents, type Events } from "../events/index.js";
import type { Delivery, Entry, Ledger } from "../ledger/index.js";
import { allEntries } from "../ledger/internal.js";
import { rowOf } from "../pending/index.js";
import { Askers } from "./askers.js";
import { type Evidence, evidence } from "./evidence.js";
import { handOver, isUnloaded } from "./hand-over.js";
import { Lanes } from "./lanes.js";
import { createLifetime, drain } from "./lifetime.js";
import { Parking } from "./parking.js";
import { isHopeless, persist } from "./persist.js";
import type { LedgerRpc } from "./rpc.js";

/** Options of `deliverAnswers`. */
export interface DeliverAnswersOptions {
  /** Only these sessions. All that the runtime has loaded when left out. */
  sessions?: readonly string[] | undefined;
  /** Who delivers, for the receipts. */
  owner?: string | undefined;
  /** After so long without a sign of this deliverer somebody else may take over. Default 10 000. */
  leaseMs?: number | undefined;
  /** How long the store may be away before the deliverer ends. No limit when left out. */
  patienceMs?: number | undefined;
}

/** What a `Deliverer` tells. */
export type DelivererEventMap = {
  /** The runtime said what it made of an answer; `outcome` tells. */
  settled: Entry;
  /** The request died before its answer could be given. */
  lost: Entry;
  /** The session is not loaded in this runtime; its answer is left for when it is, or for another deliverer. */
  parked: Entry;
  /** Something went wrong with one entry, or with the ledger; it is tried again where that can help. What cannot pass ends it. */
  error: { readonly error: unknown; readonly entry?: Entry };
};

/** A deliverer at work. */
export interface Deliverer {
  /** What became of the answers. */
  readonly events: Events<DelivererEventMap>;
  /**
   * Resolves when the deliverer is over: closed by us, or because the connection is gone. Rejects, as `close()` then does, with
   * the error of a store that will not do anything more.
   */
  readonly closed: Promise<void>;
  /** Takes nothing more, and waits a little for replies that are out; what got none stays in doubt. */
  close(): Promise<void>;
  /** `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How many patrols there are in one lease. */
const patrolsPerLease = 4;
/** A parked entry whose session is loaded here is looked at by every so many patrols: each look reads the session's log. */
const patrolsPerDoubt = 12;

/**
 * Gives answered entries to the runtime, each marked `sent` under the delivery's own fence before it is written, and writes the
 * reply down. Entries that an earlier deliverer left in doubt are resolved once its lease is over: by the completed event,
 * or by asking the runtime with the same answer again, which it takes once at most.
 * @throws TypeError when an option is malformed. What goes wrong later is an event, or what `closed` rejects with.
 * @example
 * ```ts
 * import { deliverAnswers } from "latchkey/keeper";
 * import { openLedger } from "latchkey/ledger";
 * import { connect } from "latchkey/rpc";
 *
 * await using ledger = await openLedger("latchkey.db");
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * await using deliverer = deliverAnswers(rpc, ledger);
 * deliverer.events.on("settled", ({ id, outcome }) => console.log(id, outcome));
 * await deliverer.closed;
 * ```
 */
export function deliverAnswers(rpc: LedgerRpc, ledger: Ledger, options: DeliverAnswersOptions = {}): Deliverer {
  const { sessions, leaseMs = 10_000, owner = `deliverer ${process.pid}` } = options;
  const { patienceMs = Number.POSITIVE_INFINITY } = options;
  spanOf(leaseMs, "leaseMs");
  waitOf(patienceMs, "patienceMs");
  const filter = sessions === undefined ? {} : { sessionId: [...sessions] };
  const events = createEvents<DelivererEventMap>();
  const lanes = new Lanes();
  const askers = new Askers(rpc);
  const parking = new Parking();
  const queued = new Set<string>();
  /** Nothing new is taken after `stopped`; nothing is waited for after `ended`. */
  const stopped = new AbortController();
  const ended = new AbortController();

  function queue(entry: Entry): void {
    if (queued.has(entry.id)) return;
    queued.add(entry.id);
    lanes.add(entry.sessionId, async () => {
      queued.delete(entry.id);
      if (stopped.signal.aborted) return;
      const complain = (error: unknown): void => events.emit("error", { error, entry });
      try {
        await persist(() => attempt(entry, complain), { signal: ended.signal, complain, patienceMs });
      } catch (error) {
        if (ended.signal.aborted) return;
        complain(error);
        if (isHopeless(error)) fail(error);
      }
    });
  }

  async function attempt(entry: Entry, complain: (error: unknown) => void): Promise<void> {
    const { id, kind, sessionId, requestId } = entry;
    let found: Evidence | undefined;
    let delivery: Delivery | undefined;
    try {
      const wanted = async (): Promise<boolean> => {
        found = await evidence(rpc.session(sessionId), entry, ended.signal);
        return !found.completed && askers.isAsker(entry, found);
      };
      delivery = await ledger.deliver(id, { owner, leaseMs, wanted });
    } catch (error) {
      if (!isUnloaded(error)) throw error;
      // A request that came over this connection died with its load. Of any other this runtime cannot tell: an endpoint
      // like tcp://127.0.0.1:9000 is another runtime on another machine.
      if (askers.cameHere(entry) && !rowOf(kind).survivesRuntime) return await lose(entry, "the session was unloaded");
      park(entry, { doubted: false });
      return;
    }
    if (found?.completed) {
      const completed = await ledger.completed({ kind, sessionId, requestId, by: owner });
      askers.forget(entry);
      if (completed?.state === "settled") events.emit("settled", completed);
    } else if (found !== undefined && delivery === undefined && !askers.isAsker(entry, found)) {
      if (askers.isGone(entry, found)) return await lose(entry, "the session's present load does not know it");
      park(entry, { doubted: true });
    }
    if (delivery === undefined) return;
    const settled = await handOver(rpc, delivery, { leaseMs, patienceMs, signal: ended.signal, complain });
    askers.forget(entry);
    events.emit("settled", settled);
  }

  async function lose(entry: Entry, reason: string): Promise<void> {
    const moved = await ledger.lost(entry.sessionId, { only: [entry.id], all: true, by: owner, reason });
    for (const gone of moved) events.emit(gone.state === "lost" ? "lost" : "settled", gone);
  }

  function park(entry: Entry, how: { doubted: boolean }): void {
    if (parking.add(entry, how)) events.emit("parked", entry);
  }

  /** Queues what is parked for a session. `doubted`: also what the load that was seen last did not show. */
  async function unpark(sessionId: string, which: { doubted: boolean }): Promise<void> {
    for (const parked of parking.of(sessionId)) {
      if (parked.doubted && !which.doubted) continue;
      parking.remove(parked);
      try {
        const entry = await ledger.get(parked.id);
        if (entry?.state === "answered" || entry?.state === "sent") queue(entry);
      } catch (error) {
        // While the store is away it stays parked.
        parking.add(parked, parked);
        throw error;
      }
    }
  }

  const complain = (error: unknown): void => {
    if (!stopped.signal.aborted) events.emit("error", { error });
  };
  /** Whatever the runtime says about a session may mean that it is loaded now. */
  const heardOf = (sessionId: string, which: { doubted: boolean }): void => {
    unpark(sessionId, which).catch(complain);
  };
  const offs = [
    rpc.events.on("*", (message) => {
      if ("event" in message) heardOf(message.sessionId, { doubted: askers.see(message) });
    }),
    rpc.events.on("session.lifecycle", ({ sessionId }) => heardOf(sessionId, { doubted: true })),
  ];

  async function scan(state: "answered" | "sent"): Promise<void> {
    const inDoubt = state === "sent" ? true : undefined;
    for await (const entry of allEntries(ledger, { ...filter, state, inDoubt })) queue(entry);
  }

  const patient = { signal: stopped.signal, complain, patienceMs };

  async function follow(well: () => void): Promise<void> {
    const answered = ledger.watch({ ...filter, state: "answered" }, { signal: stopped.signal });
    await scan("answered");
    well();
    for await (const entry of answered) {
      well();
      queue(entry);
    }
  }

  async function patrol(): Promise<void> {
    for (let round = 1; ; round++) {
      await persist(() => scan("sent"), patient);
      await pause(leaseMs / patrolsPerLease, stopped.signal);
      const doubted = round % patrolsPerDoubt === 0;
      for (const sessionId of parking.sessions()) await persist(() => unpark(sessionId, { doubted }), patient);
    }
  }

  const giveUp = (error: unknown): void => {
    complain(error);
    if (!stopped.signal.aborted) fail(error);
  };
  const watching = Promise.all([persist(follow, patient).catch(giveUp), patrol().catch(giveUp)]);

  async function finish(): Promise<void> {
    for (const off of offs) off();
    stopped.abort(new LatchkeyError("ENDED", "the deliverer is closed"));
    await drain(Promise.all([watching, lanes.idle()]), () => ended.abort(stopped.signal.reason));
  }
  const { fail, lifetime } = createLifetime(rpc.closed, finish);
  return { events, ...lifetime };
}
