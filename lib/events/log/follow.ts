/**
 * Reading the event log by cursor, for hosts that poll instead of listening.
 *
 * A cursor is `<id of the last persisted event before it>|<position>`; positions are counted anew each time the session is loaded.
 * The runtime tells only one kind of loss (`cursorStatus: "expired"`). Two it passes over in silence, so they are found here:
 * - overrun: the log keeps about 4096 events; the position then moves over those that are gone.
 * - reloaded: the log is another one. It is read anew from its beginning, up to the cursor's persisted event without showing
 *   it twice. One reload cannot be told: nothing persisted since the cursor (an attach with `disableResume` after the
 *   runtime was killed), and more events in the new log than the cursor had counted in the old.
 * To count, every event is read, and `types` are picked out here.
 */
import { waitOf } from "../../base/amounts.js";
import type { EventMap, EventType, SessionEvent, SessionRequester } from "../../protocol/index.js";
import { findPage, isReloaded } from "./load.js";
import { overrun } from "./overrun.js";
import { readPage } from "./page.js";

/** A loss of events, found while following the log. */
export interface Gap {
  /** `expired`: the runtime does not know the cursor. `overrun`: the log let go of events. `reloaded`: the session was loaded anew. */
  readonly reason: "expired" | "overrun" | "reloaded";
  /** How many events are missing, where that can be told. Ephemeral events of an earlier load are gone uncounted. */
  readonly missed?: number;
}

/** One event of the log, and where to go on after it. */
export interface Followed<E = SessionEvent> {
  /** The event as the runtime logged it. */
  readonly event: E;
  /** Where to go on later. Nothing after this event is missed from there; events of the same page may come again. */
  readonly cursor: string;
  /** Something is missing before this event. */
  readonly gap?: Gap;
}

/** Options of `follow`. */
export interface FollowOptions<T extends EventType> {
  /** Where to go on: a `cursor` of before, or of `eventLog.tail`. Left out: from the beginning of what the log has. */
  cursor?: string | undefined;
  /** Only these event types; every type when left out. */
  types?: readonly T[] | undefined;
  /** Milliseconds that one poll may wait for news (500); the runtime caps it at 30000. An attach to the session waits as long. */
  waitMs?: number | undefined;
  /** Ends the following with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A cursor before everything that the log has. The runtime has none; to it this one is expired, which comes to the same. */
const beginning = "|0";

/**
 * Follows `session.eventLog.read`. Ends by `return`, by an error of the call, or with the signal's reason.
 * @throws RpcError `SESSION_NOT_FOUND` when the session is not loaded; ConnectionError when the connection ends.
 * @example
 * ```ts
 * import { follow } from "latchkey/events";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * let cursor: string | undefined; // where the last run stopped
 * for await (const { event, cursor: next, gap } of follow(rpc.session("4f1c…"), { cursor })) {
 *   if (gap) console.warn(gap.reason, gap.missed);
 *   console.log(event.type);
 *   cursor = next;
 * }
 * ```
 */
export async function* follow<T extends EventType = EventType>(
  session: SessionRequester,
  { cursor: start, types, waitMs = 500, signal }: FollowOptions<T> = {},
): AsyncGenerator<Followed<EventMap[T]>, void, undefined> {
  waitOf(waitMs, "waitMs");
  const wanted = types && new Set<string>(types);
  const isWanted = (event: SessionEvent): event is EventMap[T] => wanted === undefined || wanted.has(event.type);
  let cursor = start === beginning ? undefined : start;
  let gap: Gap | undefined;
  /** Whether the cursor may be of an earlier load: one that was handed in. Between polls a reload rarely fits. */
  let foreign = cursor !== undefined;
  /** The persisted event up to which the next page was seen before. */
  let seenUpTo: string | undefined;

  for (;;) {
    const page = await readPage(session, { cursor, waitMs, signal });
    if (page.cursorStatus === "expired") gap = { reason: "expired" };
    else if (cursor !== undefined && (await isReloaded(session, { cursor, page, thorough: foreign, signal }))) {
      gap = { reason: "reloaded" };
      foreign = false;
      const id = cursor.split("|")[0];
      const found = await findPage(session, id, signal);
      cursor = found?.cursor;
      seenUpTo = found ? id : undefined;
      continue;
    } else {
      const missed = await overrun(session, { cursor, page, signal });
      if (missed > 0) gap ??= { reason: "overrun", missed };
    }
    if (page.events.length > 0) foreign = false;

    const before = cursor ?? beginning;
    const at = seenUpTo === undefined ? -1 : page.events.findIndex((event) => event.id === seenUpTo);
    seenUpTo = undefined;
    const events: readonly SessionEvent[] = page.events;
    const matching = events.slice(at + 1).filter(isWanted);
    for (const [index, event] of matching.entries()) {
      const last = index === matching.length - 1;
      yield { event, cursor: last ? page.cursor : before, ...(gap === undefined ? {} : { gap }) };
      gap = undefined;
    }
    cursor = page.cursor;
  }
}
