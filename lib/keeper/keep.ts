/**
 * The whole of a keeper in one call. What happens to a session:
 *
 *   announced as born, or known from before
 *      -> held      this connection is attached: the session outlives its host
 *      -> ready     interest is registered, and what was asked before is recorded
 *      -> watched   each request is recorded as it comes, each answer is delivered, until the connection ends
 *
 * A session that cannot be held is `missed`, and nothing else stops for it.
 */
import { LatchkeyError } from "../base/errors.js";
import { createEvents, type EventSource, type Events, registerInterest } from "../events/index.js";
import type { Entry, Ledger } from "../ledger/index.js";
import { allEntries } from "../ledger/internal.js";
import { type HoldOptions, hold } from "../pending/index.js";
import type { EventType } from "../protocol/index.js";
import type { Rpc } from "../rpc/index.js";
import { type DeliverAnswersOptions, type Deliverer, deliverAnswers } from "./deliverer.js";
import { type Recorder, type RecordPendingOptions, recordPending } from "./recorder.js";
import { attachLimitMs, type KeepOptions, keepSessions } from "./sessions.js";

/** Options of `keep`. */
export interface KeepingOptions
  extends Omit<RecordPendingOptions, "by">,
    Pick<DeliverAnswersOptions, "leaseMs">,
    Pick<HoldOptions, "elicitation" | "mcpApps" | "timeoutMs"> {
  /** Event types to register interest in on each session that is held. None when left out: the host registers its own. */
  interest?: readonly EventType[] | undefined;
  /** How long the store may be away before the keeper ends. Default 86 400 000, a day. */
  patienceMs?: number | undefined;
  /**
   * Only these sessions, those too that were there before. Left out: every session that is born, and those of before that
   * have entries in the ledger which are not settled.
   */
  sessions?: readonly string[] | undefined;
  /** Which of the new sessions. Asked once a session. */
  filter?: KeepOptions["filter"];
  /** Who keeps, for the receipts. Default: `keeper` and the process id. */
  owner?: string | undefined;
}

/** What a `Keeping` tells. */
export type KeepingEventMap = {
  /** The session is held, its interest registered, and what it asked before recorded. */
  held: { readonly sessionId: string };
  /** The session is there and could not be held: `BUSY`, or no answer in time. */
  missed: { readonly sessionId: string; readonly error: unknown };
  /** A request is on disk. */
  recorded: Entry;
  /** The runtime said that a request is over. */
  completed: Entry;
  /** An answer was given; `outcome` says what the runtime made of it. */
  settled: Entry;
  /** A request died before its answer could be given. */
  lost: Entry;
  /** An answer waits until its session is loaded here. */
  parked: Entry;
  /** Something went wrong with one session, one entry, or the ledger. */
  error: { readonly error: unknown; readonly sessionId?: string; readonly entry?: Entry };
};

/** A keeper at work. */
export interface Keeping {
  /** What happens to sessions and requests. */
  readonly events: Events<KeepingEventMap>;
  /** Resolves when the sessions of before were tried: each is `held` or `missed` then. */
  readonly ready: Promise<void>;
  /**
   * Resolves when it is over: closed by us, or because the connection is gone; what was seen is on disk then. Rejects, as
   * `close()` then does, with the error of a store that will not take anything more.
   */
  readonly closed: Promise<void>;
  /** Holds and records nothing new, and waits a little for replies that are out. The connection stays open. */
  close(): Promise<void>;
  /** `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The states of entries whose session is worth holding. */
const unsettled = ["open", "answered", "sent", "lost"] as const;

/** Errors of a session that is not there, or of a connection that is over: there is nothing to hold. */
const nothingToHold: ReadonlySet<string> = new Set(["SESSION_NOT_FOUND", "CLOSED", "ENDED", "DESTROYED"]);

/**
 * `keepSessions`, `recordPending` and `deliverAnswers` in one call: the process near a runtime. Start it before the sessions,
 * for a birth is announced once.
 * @throws TypeError when an option is malformed. What goes wrong later is an event, or what `closed` rejects with.
 * @example
 * ```ts
 * import { keep } from "latchkey/keeper";
 * import { openLedger } from "latchkey/ledger";
 * import { connect } from "latchkey/rpc";
 *
 * await using ledger = await openLedger("latchkey.db");
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * await using keeping = keep(rpc, ledger, { principal: "ada", interest: ["mcp.oauth_required"] });
 * keeping.events.on("error", ({ error }) => console.error(error));
 * await keeping.closed;
 * ```
 */
export function keep(rpc: Rpc, ledger: Ledger, options: KeepingOptions = {}): Keeping {
  const {
    interest = [],
    sessions,
    filter,
    kinds,
    principal,
    traceparent,
    leaseMs,
    patienceMs,
    limit,
    owner = `keeper ${process.pid}`,
  } = options;
  const flags = {
    elicitation: options.elicitation,
    mcpApps: options.mcpApps,
    timeoutMs: options.timeoutMs ?? attachLimitMs,
  };
  const ended = new AbortController();
  const events = createEvents<KeepingEventMap>();

  const recorder = recordPending(rpc, ledger, { kinds, principal, traceparent, by: owner, patienceMs, limit });
  const deliverer = deliverAnswers(rpc, ledger, { sessions, owner, leaseMs, patienceMs });
  forward({ recorder, deliverer, events });

  async function prepare(sessionId: string): Promise<void> {
    try {
      for (const type of interest) await registerInterest(rpc.session(sessionId), type);
      await recorder.catchUp(sessionId);
      events.emit("held", { sessionId });
    } catch (error) {
      miss({ sessionId, error });
    }
  }
  function miss({ sessionId, error }: { sessionId: string; error: unknown }): void {
    if (ended.signal.aborted || (error instanceof LatchkeyError && nothingToHold.has(error.code))) return;
    events.emit("missed", { sessionId, error });
  }
  function listen(which: KeepOptions) {
    const keeper = keepSessions(rpc, { ...flags, ...which });
    keeper.events.on("held", ({ sessionId }) => prepare(sessionId));
    keeper.events.on("missed", miss);
    return keeper;
  }

  const known = new Set(sessions);
  // A new session is announced before anything in it can block. One that is only updated is held if it was ours before.
  const keepers = sessions === undefined ? [listen({ filter })] : [];
  const returning = listen({ updated: true, filter: ({ sessionId }) => known.has(sessionId) });
  keepers.push(returning);

  async function holdKnown(): Promise<void> {
    if (sessions === undefined) for (const id of await sessionsOf(ledger)) known.add(id);
    for (const sessionId of known) {
      if (ended.signal.aborted || returning.holds.has(sessionId)) continue;
      try {
        await hold(rpc, sessionId, { ...flags, signal: ended.signal });
      } catch (error) {
        miss({ sessionId, error });
        continue;
      }
      await prepare(sessionId);
    }
  }
  const ready = holdKnown().catch((error: unknown) => events.emit("error", { error }));

  async function close(): Promise<void> {
    ended.abort(new LatchkeyError("ENDED", "the keeper is closed"));
    for (const keeper of keepers) keeper.close();
    const over = await Promise.allSettled([deliverer.close(), recorder.close(), ready]);
    for (const part of over) if (part.status === "rejected") throw part.reason;
  }
  // When one part cannot go on, the other ends too, and `closed` rejects with the first one's error.
  const closed = Promise.all([recorder.closed, deliverer.closed]).then(close, close);
  closed.catch(() => undefined);
  return { events, ready, closed, close, [Symbol.asyncDispose]: close };
}

function forward({
  recorder,
  deliverer,
  events,
}: {
  recorder: Recorder;
  deliverer: Deliverer;
  events: EventSource<KeepingEventMap>;
}): void {
  for (const type of ["recorded", "completed"] as const) recorder.events.on(type, (entry) => events.emit(type, entry));
  for (const type of ["settled", "lost", "parked"] as const)
    deliverer.events.on(type, (entry) => events.emit(type, entry));
  recorder.events.on("error", (problem) => events.emit("error", problem));
  deliverer.events.on("error", (problem) => events.emit("error", problem));
}

/** The sessions that have something in the ledger which is not settled. */
async function sessionsOf(ledger: Ledger): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { sessionId } of allEntries(ledger, { state: unsettled })) found.add(sessionId);
  return found;
}
