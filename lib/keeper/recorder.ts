import { countOf, waitOf } from "../base/amounts.js";
import { LatchkeyError } from "../base/errors.js";
import { checkPrincipal } from "../base/principal.js";
import { isTraceparent } from "../base/trace.js";
import { createEvents, type Events } from "../events/index.js";
import type { Entry, Ledger } from "../ledger/index.js";
import {
  type AskingEvent,
  isKind,
  isPending,
  type KindName,
  kinds,
  type PendingRequest,
  pendingRequest,
  rowOf,
} from "../pending/index.js";
import { isOvertaken } from "../pending/internal.js";
import { catchUp } from "./catch-up.js";
import { Lanes } from "./lanes.js";
import { createLifetime, drain } from "./lifetime.js";
import { isHopeless, persist } from "./persist.js";
import type { LedgerRpc } from "./rpc.js";

/** Options of `recordPending`. */
export interface RecordPendingOptions {
  /** Only these kinds. All of them when left out. */
  kinds?: readonly KindName[] | undefined;
  /** On whose behalf answers are obtained: one name, or a function of the request. Never guessed. */
  principal?: string | ((request: PendingRequest) => string | undefined | Promise<string | undefined>) | undefined;
  /**
   * The W3C trace context of what asked, for requests whose event has none: `external_tool.requested` has one when the runtime's own telemetry is on,
   * the others never. The `traceparent` of the session's last `session.send`, for instance, where the host knows it. Nothing is guessed. What is no
   * `traceparent` is left out.
   */
  traceparent?: ((request: PendingRequest) => string | undefined) | undefined;
  /** Who records, for the receipts. */
  by?: string | undefined;
  /** How long what was seen is kept while the store cannot take it. Default 86 400 000, a day. */
  patienceMs?: number | undefined;
  /** How much that was seen may wait for the store. Default 10 000; what is more is an `error` with the code `OVERFLOW`. */
  limit?: number | undefined;
}

/** What a `Recorder` tells. */
export type RecorderEventMap = {
  /** A request is on disk. */
  recorded: Entry;
  /** The runtime said that a request is over; the entry as that left it. */
  completed: Entry;
  /**
   * Something could not be written down. While the store is away or read only it is tried again, and said each time. An error
   * that does not pass is said once more, and ends the recorder.
   */
  error: { readonly error: unknown; readonly sessionId: string };
};

/** A recorder at work. */
export interface Recorder {
  /** What was written down, and what could not be. */
  readonly events: Events<RecorderEventMap>;
  /**
   * Records what a loaded session asked before, by its event log, and marks as lost what its present load does not know.
   * For a session that was loaded before this recorder was there.
   */
  catchUp(sessionId: string): Promise<Entry[]>;
  /** Resolves when everything that was seen is on disk. */
  idle(): Promise<void>;
  /**
   * Resolves when the recorder is over: closed by us, or because the connection is gone; what was seen is on disk then. Rejects,
   * as `close()` then does, with the error of a store that will not take anything more.
   */
  readonly closed: Promise<void>;
  /** Sees nothing more, and waits until what was seen is on disk: five seconds at most. The connection stays open. */
  close(): Promise<void>;
  /** `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How long events wait for a store that is away, unless `patienceMs` says otherwise: a day. */
const defaultPatienceMs = 86_400_000;
/** How many events may wait for it, unless `limit` says otherwise. */
const defaultLimit = 10_000;

/**
 * Writes every request of the connection's sessions down as it comes, and settles what the runtime says is over.
 * @throws TypeError when an option is malformed. What goes wrong later is an event, or what `closed` rejects with.
 * @example
 * ```ts
 * import { recordPending } from "latchkey/keeper";
 * import { openLedger } from "latchkey/ledger";
 * import { connect } from "latchkey/rpc";
 *
 * await using ledger = await openLedger("latchkey.db");
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * await using recorder = recordPending(rpc, ledger, { principal: "ada" });
 * recorder.events.on("recorded", ({ id, kind }) => console.log(id, kind));
 * await recorder.closed;
 * ```
 */
export function recordPending(rpc: LedgerRpc, ledger: Ledger, options: RecordPendingOptions = {}): Recorder {
  if (typeof options.principal !== "function") checkPrincipal(options.principal);
  const { by, principal, patienceMs = defaultPatienceMs, limit = defaultLimit } = options;
  waitOf(patienceMs, "patienceMs");
  countOf(limit, "limit");
  const recorded = new Set<KindName>(options.kinds ?? Object.keys(kinds).filter(isKind));
  const completions = completedEvents(recorded);
  const overtakers = new Set<string>([...recorded].flatMap((name) => rowOf(name).overtaken?.by ?? []));
  const events = createEvents<RecorderEventMap>();
  const lanes = new Lanes();
  const ended = new AbortController();
  let waiting = 0;

  /** Runs a task in the lane of its session, again and again while the store is away. */
  function add(sessionId: string, task: () => Promise<void>): void {
    const complain = (error: unknown): void => events.emit("error", { error, sessionId });
    if (waiting >= limit) {
      const text = `${limit} events wait for the store, so this one was dropped: catchUp finds it once the store is back`;
      complain(new LatchkeyError("OVERFLOW", text));
      return;
    }
    waiting++;
    lanes.add(sessionId, async () => {
      try {
        await persist(task, { signal: ended.signal, complain, patienceMs });
      } catch (error) {
        complain(error);
        if (isHopeless(error) && !ended.signal.aborted) {
          ended.abort(error);
          fail(error);
        }
      } finally {
        waiting--;
      }
    });
  }

  async function record(event: AskingEvent, sessionId: string): Promise<Entry> {
    const context = { sessionId, endpoint: rpc.endpoint };
    const whose = typeof principal === "function" ? await principal(pendingRequest(event, context)) : principal;
    const request = pendingRequest(event, { ...context, principal: whose });
    const traceparent = traceOf(event, request);
    return await ledger.record(request, { by, anchor: event.parentId ?? undefined, traceparent });
  }

  /** A request is not to be lost because of its trace. */
  function traceOf({ data }: AskingEvent, request: PendingRequest): string | undefined {
    if ("traceparent" in data && isTraceparent(data.traceparent)) return data.traceparent;
    try {
      const told = options.traceparent?.(request);
      return isTraceparent(told) ? told : undefined;
    } catch (error) {
      events.emit("error", { error, sessionId: request.sessionId });
      return undefined;
    }
  }

  async function settle({ kind, sessionId, requestId }: SettledRequest): Promise<void> {
    const entry = await ledger.completed({ kind, sessionId, requestId, ...(by !== undefined && { by }) });
    if (entry !== undefined) events.emit("completed", entry);
  }

  /** The runtime dropped requests without naming them: nobody is to be bothered for them any more. */
  async function overtake(sessionId: string, event: { type: string; data: object }): Promise<void> {
    const kind = [...recorded].filter((name) => rowOf(name).overtaken?.by === event.type);
    const entries = await ledger.list({ sessionId, state: ["open", "answered"], kind });
    for (const entry of entries) if (isOvertaken(entry.kind, entry.data, event)) await settle(entry);
  }

  const off = rpc.events.on("*", (message) => {
    if (!("event" in message)) return;
    const { sessionId, event } = message;
    if (!("data" in event)) return;
    if (isPending(event) && recorded.has(event.type)) {
      add(sessionId, async () => events.emit("recorded", await record(event, sessionId)));
      return;
    }
    if (overtakers.has(event.type)) add(sessionId, () => overtake(sessionId, event));
    const completed = completions.get(event.type);
    if (completed === undefined || !("requestId" in event.data)) return;
    const { requestId } = event.data;
    if (typeof requestId !== "string") return;
    add(sessionId, async () => {
      for (const kind of completed) await settle({ kind, sessionId, requestId });
    });
  });

  const finish = (): Promise<void> => {
    off();
    return drain(lanes.idle(), () => ended.abort());
  };
  const { fail, lifetime } = createLifetime(rpc.closed, finish);
  return {
    events,
    /** In the session's lane, so that no event that comes meanwhile overtakes it. */
    catchUp: (sessionId) =>
      new Promise((resolve, reject) => {
        const work = { kinds: recorded, record, settle };
        lanes.add(sessionId, () => catchUp(rpc, ledger, { sessionId, ...work }).then(resolve, reject));
      }),
    idle: () => lanes.idle(),
    ...lifetime,
  };
}

type SettledRequest = Pick<Entry, "kind" | "sessionId" | "requestId">;

function completedEvents(wanted: Iterable<KindName>): Map<string, KindName[]> {
  const found = new Map<string, KindName[]>();
  for (const kind of wanted) {
    const { completed } = rowOf(kind);
    found.set(completed, [...(found.get(completed) ?? []), kind]);
  }
  return found;
}
