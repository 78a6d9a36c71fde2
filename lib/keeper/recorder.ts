import { LatchkeyError } from "../base/errors.js";
import { checkPrincipal } from "../base/principal.js";
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
  readAsked,
  rowOf,
} from "../pending/index.js";
import { isOvertaken } from "../pending/internal.js";
import { createEnd, isHopeless, Lanes, type LedgerRpc, persist } from "./worker.js";

export interface RecordPendingOptions {
  /** Only these kinds. All of them when left out. */
  kinds?: readonly KindName[] | undefined;
  /** On whose behalf answers are obtained: one name, or a function of the request. Never guessed. */
  principal?: string | ((request: PendingRequest) => string | undefined | Promise<string | undefined>) | undefined;
  /** Who records, for the receipts. */
  by?: string | undefined;
  /** How long what was seen is kept while the store cannot take it. Default 86 400 000, a day. */
  patienceMs?: number | undefined;
  /** How much that was seen may wait for the store. Default 10 000; what is more is an `error` with the code `OVERFLOW`. */
  limit?: number | undefined;
}

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

export interface Recorder {
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
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const graceMs = 5000;
const dayMs = 86_400_000;

/** Writes every request of the connection's sessions down as it comes, and settles what the runtime says is over. */
export function recordPending(rpc: LedgerRpc, ledger: Ledger, options: RecordPendingOptions = {}): Recorder {
  if (typeof options.principal !== "function") checkPrincipal(options.principal);
  const wanted = new Set<KindName>(options.kinds ?? Object.keys(kinds).filter(isKind));
  const completions = completedEvents(wanted);
  const overtakers = new Set<string>([...wanted].flatMap((name) => rowOf(name).overtaken?.by ?? []));
  const events = createEvents<RecorderEventMap>();
  const lanes = new Lanes();
  const ended = new AbortController();
  const { by, patienceMs = dayMs, limit = 10_000 } = options;
  let waiting = 0;

  const job = (sessionId: string, run: () => Promise<void>): void => {
    const complain = (error: unknown): void => events.emit("error", { error, sessionId });
    if (waiting >= limit) {
      const many = `${limit} events wait for the store, this one was let go: catchUp finds it once the store is well`;
      complain(new LatchkeyError("OVERFLOW", many));
      return;
    }
    waiting++;
    lanes.add(sessionId, async () => {
      try {
        await persist(run, { signal: ended.signal, complain, patienceMs });
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
  };

  async function record(event: AskingEvent, sessionId: string): Promise<Entry> {
    const context = { sessionId, endpoint: rpc.endpoint };
    const { principal } = options;
    const noted = { by, anchor: event.parentId ?? undefined };
    if (typeof principal !== "function") {
      return await ledger.record(pendingRequest(event, { ...context, principal }), noted);
    }
    const whose = await principal(pendingRequest(event, context));
    return await ledger.record(pendingRequest(event, { ...context, principal: whose }), noted);
  }

  const off = rpc.events.on("*", (said) => {
    if (!("event" in said)) return;
    const { sessionId, event } = said;
    if (!("data" in event)) return;
    if (isPending(event) && wanted.has(event.type)) {
      job(sessionId, async () => events.emit("recorded", await record(event, sessionId)));
      return;
    }
    if (overtakers.has(event.type)) job(sessionId, () => overtake(sessionId, event));
    const over = completions.get(event.type);
    if (
      over === undefined ||
      !("data" in event) ||
      !("requestId" in event.data) ||
      typeof event.data.requestId !== "string"
    )
      return;
    const { requestId } = event.data;
    job(sessionId, async () => {
      for (const kind of over) await settle({ kind, sessionId, requestId });
    });
  });

  async function settle({
    kind,
    sessionId,
    requestId,
  }: Pick<Entry, "kind" | "sessionId" | "requestId">): Promise<void> {
    const entry = await ledger.completed({ kind, sessionId, requestId, ...(by !== undefined && { by }) });
    if (entry !== undefined) events.emit("completed", entry);
  }

  /** The runtime dropped what waits without naming it: nobody is to be bothered for it any more. */
  async function overtake(sessionId: string, event: { type: string; data: object }): Promise<void> {
    const kind = [...wanted].filter((name) => rowOf(name).overtaken?.by === event.type);
    const waiting = await ledger.list({ sessionId, state: ["open", "answered"], kind });
    for (const entry of waiting) if (isOvertaken(entry.kind, entry.data, event)) await settle(entry);
  }

  /** In its lane, so that nothing that comes meanwhile overtakes it. */
  const catchUp = (sessionId: string): Promise<Entry[]> =>
    new Promise((resolve, reject) => {
      lanes.add(sessionId, () => readUp(sessionId).then(resolve, reject));
    });

  async function readUp(sessionId: string): Promise<Entry[]> {
    const before = await ledger.list({ sessionId, state: ["open", "answered"], kind: [...wanted] });
    const anchors = new Set(before.map(({ anchor }) => anchor));
    const shown = new Set<string>();
    const see = ({ id }: { readonly id: string }): void => {
      if (anchors.has(id)) shown.add(id);
    };
    const asked = await readAsked(rpc.session(sessionId), { see });
    const recorded: Entry[] = [];
    for (const event of asked.events) if (wanted.has(event.type)) recorded.push(await record(event, sessionId));
    for (const entry of before) if (asked.ended.has(entry.requestId)) await settle(entry);
    const known = new Set(asked.events.map(({ data }) => data.requestId));
    // Another runtime may use the same id for a session of its own: what was asked there is none of ours.
    const isHere = ({ anchor, endpoint }: Entry): boolean =>
      anchor === undefined ? endpoint === undefined || endpoint === rpc.endpoint : shown.has(anchor);
    const gone = before.filter((entry) => !known.has(entry.requestId) && isHere(entry));
    const reason = "the session's present load does not know it";
    const tools = asked.toolsListed ? gone.filter(({ kind }) => kind === "external_tool.requested") : [];
    await ledger.lost(sessionId, { only: tools.map(({ id }) => id), all: true, reason });
    if (asked.whole) await ledger.lost(sessionId, { only: gone.map(({ id }) => id), reason });
    return recorded;
  }

  const finish = (): Promise<void> => {
    off();
    // A store that stays away must not keep us for ever; what it could not take is told as an error.
    const timer = setTimeout(() => ended.abort(), graceMs);
    return lanes.idle().finally(() => clearTimeout(timer));
  };
  const { fail, end } = createEnd(rpc.closed, finish);
  return { events, catchUp, idle: () => lanes.idle(), ...end };
}

function completedEvents(wanted: Iterable<KindName>): Map<string, KindName[]> {
  const found = new Map<string, KindName[]>();
  for (const kind of wanted) {
    const { completed } = rowOf(kind);
    found.set(completed, [...(found.get(completed) ?? []), kind]);
  }
  return found;
}
