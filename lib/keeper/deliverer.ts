import { spanOf } from "../base/amounts.js";
import { LatchkeyError, RpcError } from "../base/errors.js";
import { fault } from "../base/fault.js";
import { pause } from "../base/until.js";
import { createEvents, type Events } from "../events/index.js";
import type { Delivery, Entry, Ledger } from "../ledger/index.js";
import { handlePendingRequest, isPending, kinds, rowOf } from "../pending/index.js";
import { hasResumed } from "../pending/internal.js";
import { type Evidence, evidence } from "./evidence.js";
import { createEnd, isHopeless, Lanes, type LedgerRpc, persist } from "./worker.js";

export interface DeliverAnswersOptions {
  /** Only these sessions. All that the runtime has loaded when left out. */
  sessions?: readonly string[] | undefined;
  /** Who delivers, for the receipts. */
  owner?: string | undefined;
  /** After so long without a sign of this deliverer somebody else may take over. Default 10 000. */
  leaseMs?: number | undefined;
}

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

export interface Deliverer {
  readonly events: Events<DelivererEventMap>;
  /**
   * Resolves when the deliverer is over: closed by us, or because the connection is gone. Rejects, as `close()` then does, with
   * the error of a store that will not do anything more.
   */
  readonly closed: Promise<void>;
  /** Takes nothing more, and waits a little for replies that are out; what got none stays in doubt. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const graceMs = 5000;

/**
 * Gives answered entries to the runtime, each marked `sent` under the delivery's own fence before it is written, and writes the
 * reply down. Entries that an earlier deliverer left in doubt are resolved once its lease is over: by the completed event,
 * or by asking the runtime with the same answer again, which it takes once at most.
 */
export function deliverAnswers(rpc: LedgerRpc, ledger: Ledger, options: DeliverAnswersOptions = {}): Deliverer {
  const { sessions, leaseMs = 10_000, owner = `deliverer ${process.pid}` } = options;
  spanOf(leaseMs, "leaseMs");
  const filter = sessions === undefined ? {} : { sessionId: [...sessions] };
  const events = createEvents<DelivererEventMap>();
  const lanes = new Lanes();
  const parked = new Map<string, Set<string>>();
  /** Parked though their session is loaded here: to look again costs a reading of its log. */
  const doubted = new Set<string>();
  /** Requests that came over this very connection, by session and id. */
  const askedHere = new Set<string>();
  /** Nothing new is taken after `stopped`; nothing is waited for after `ended`. */
  const stopped = new AbortController();
  const ended = new AbortController();

  const queued = new Set<string>();
  const consider = (entry: Entry): void => {
    if (queued.has(entry.id)) return;
    queued.add(entry.id);
    lanes.add(entry.sessionId, async () => {
      queued.delete(entry.id);
      if (stopped.signal.aborted) return;
      try {
        await persist(() => attempt(entry), {
          signal: ended.signal,
          complain: (error) => events.emit("error", { error, entry }),
        });
      } catch (error) {
        if (ended.signal.aborted) return;
        events.emit("error", { error, entry });
        if (isHopeless(error)) fail(error);
      }
    });
  };

  async function attempt(entry: Entry): Promise<void> {
    const { id, kind, sessionId, requestId } = entry;
    let seen: Evidence | undefined;
    let delivery: Delivery | undefined;
    try {
      const wanted = async (): Promise<boolean> => {
        seen = await evidence(rpc.session(sessionId), entry, ended.signal);
        return !seen.completed && isAsker(entry, seen);
      };
      delivery = await ledger.deliver(id, { owner, leaseMs, wanted });
    } catch (error) {
      if (!isUnloaded(error)) throw error;
      // What was asked here and is not loaded here died with its load. Of anything else this runtime cannot tell: an endpoint
      // like tcp://127.0.0.1:9000 is another runtime on another machine.
      if (askedHere.has(nameOf(entry)) && !rowOf(kind).survivesRuntime) {
        return await lose(entry, "the session was unloaded");
      }
      park(entry);
      return;
    }
    if (seen?.completed) {
      const over = await ledger.completed({ kind, sessionId, requestId, by: owner });
      askedHere.delete(nameOf(entry));
      if (over?.state === "settled") events.emit("settled", over);
      if (over?.state === "sent") delivery = await ledger.deliver(id, { owner, leaseMs });
    } else if (seen !== undefined && delivery === undefined && !isAsker(entry, seen)) {
      if (isGone(entry, seen)) return await lose(entry, "the session's present load does not know it");
      doubted.add(entry.id);
      park(entry);
    }
    if (delivery !== undefined) await give(delivery);
  }

  /**
   * Whether the runtime has shown that it is the one that asked: by the request in the log of the present load, or because it asked over
   * this very connection; a request that outlives its load also by having loaded the session for this process. Whoever took a dead
   * runtime's port, and one that has let go of events, cannot.
   */
  function isAsker(entry: Entry, { shown, missing }: Evidence): boolean {
    if (shown || missing) return shown;
    const outlives = rowOf(entry.kind).survivesRuntime;
    return askedHere.has(nameOf(entry)) || (outlives && hasResumed(rpc, entry.sessionId));
  }

  /** It was this session, in an earlier load. A runtime that only uses the same session id must not end another one's request. */
  function isGone(entry: Entry, { missing, same }: Evidence): boolean {
    return missing && (same || askedHere.has(nameOf(entry)) || hasResumed(rpc, entry.sessionId));
  }

  async function give(delivery: Delivery): Promise<void> {
    const { entry } = delivery;
    const beat = setInterval(() => {
      delivery.extend().catch((error: unknown) => events.emit("error", { error, entry }));
    }, leaseMs / 3);
    try {
      const reply = await send(delivery);
      fault("deliver:replied");
      const settled = await persist(() => delivery.settle(reply), {
        signal: ended.signal,
        complain: (error) => events.emit("error", { error, entry }),
      });
      askedHere.delete(nameOf(entry));
      events.emit("settled", settled);
    } finally {
      clearInterval(beat);
    }
  }

  async function send({ entry, answer }: Delivery) {
    fault("deliver:marked");
    try {
      const { accepted } = await handlePendingRequest(rpc, entry, answer, { signal: ended.signal });
      if (accepted) return { accepted };
      const { completed } = await evidence(rpc.session(entry.sessionId), entry, ended.signal);
      return { accepted, completed };
    } catch (error) {
      // The runtime did reply. Any other failure leaves the entry in doubt.
      if (!(error instanceof RpcError)) throw error;
      if (!isUnloaded(error)) events.emit("error", { error, entry });
      return { accepted: false, reason: reasonOf(error) };
    }
  }

  async function lose(entry: Entry, reason: string): Promise<void> {
    const moved = await ledger.lost(entry.sessionId, { only: [entry.id], all: true, by: owner, reason });
    for (const gone of moved) events.emit(gone.state === "lost" ? "lost" : "settled", gone);
  }

  function park(entry: Entry): void {
    const waiting = parked.get(entry.sessionId) ?? new Set();
    if (!waiting.has(entry.id)) events.emit("parked", entry);
    parked.set(entry.sessionId, waiting.add(entry.id));
  }

  /** Whatever the runtime says about a session may mean that it is loaded now. `anew`: that its load may be another one. */
  async function unpark(sessionId: string, anew: boolean): Promise<void> {
    const waiting = parked.get(sessionId);
    if (waiting === undefined) return;
    for (const id of [...waiting]) {
      if (doubted.has(id) && !anew) continue;
      const doubt = doubted.delete(id);
      waiting.delete(id);
      if (waiting.size === 0) parked.delete(sessionId);
      try {
        const entry = await ledger.get(id);
        if (entry?.state === "answered" || entry?.state === "sent") consider(entry);
      } catch (error) {
        // While the store is away it stays parked.
        parked.set(sessionId, (parked.get(sessionId) ?? new Set()).add(id));
        if (doubt) doubted.add(id);
        throw error;
      }
    }
  }

  const complain = (error: unknown): void => {
    if (!stopped.signal.aborted) events.emit("error", { error });
  };
  const completions = new Set<string>(Object.values(kinds).map((row) => row.completed));
  const unparkNow = (said: object, anew: boolean): void => {
    if ("sessionId" in said && typeof said.sessionId === "string") unpark(said.sessionId, anew).catch(complain);
  };
  const offs = [
    rpc.events.on("*", (said) => {
      let anew = false;
      if ("event" in said && "data" in said.event && "requestId" in said.event.data) {
        const name = nameOf({ sessionId: said.sessionId, requestId: String(said.event.data.requestId) });
        anew = isPending(said.event);
        if (anew) askedHere.add(name);
        else if (completions.has(said.event.type)) askedHere.delete(name);
      }
      unparkNow(said, anew);
    }),
    rpc.events.on("session.lifecycle", (said) => unparkNow(said, true)),
  ];

  async function scan(state: "answered" | "sent"): Promise<void> {
    const inDoubt = state === "sent" ? true : undefined;
    for (let after: string | undefined; ; ) {
      const page = await ledger.list({ ...filter, state, inDoubt, after });
      page.forEach(consider);
      after = page.next;
      if (after === undefined) return;
    }
  }

  const patient = { signal: stopped.signal, complain };

  async function follow(well: () => void): Promise<void> {
    const answered = ledger.watch({ ...filter, state: "answered" }, { signal: stopped.signal });
    await scan("answered");
    well();
    for await (const entry of answered) {
      well();
      consider(entry);
    }
  }

  /** Looks after what others left in doubt, and after sessions that came back unnoticed. */
  async function patrol(): Promise<void> {
    for (let round = 1; ; round++) {
      await persist(() => scan("sent"), patient);
      await pause(leaseMs / 4, stopped.signal);
      for (const sessionId of [...parked.keys()]) await persist(() => unpark(sessionId, round % 12 === 0), patient);
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
    const timer = setTimeout(() => ended.abort(stopped.signal.reason), graceMs);
    await Promise.all([watching, lanes.idle()]).finally(() => clearTimeout(timer));
  }
  const { fail, end } = createEnd(rpc.closed, finish);
  return { events, ...end };
}

const nameOf = ({ sessionId, requestId }: { sessionId: string; requestId: string }): string =>
  JSON.stringify([sessionId, requestId]);

const isUnloaded = (error: unknown): boolean => error instanceof RpcError && error.code === "SESSION_NOT_FOUND";

/** A receipt is kept: what the runtime said itself, which may quote what it was given, is in the `error` event alone. */
const reasonOf = (error: RpcError): string =>
  isUnloaded(error) ? "the session was unloaded" : `the runtime answered with the error ${error.rpcCode}`;
