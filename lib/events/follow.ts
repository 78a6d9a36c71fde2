/**
 * Reading the event log by cursor, for hosts that poll instead of listening.
 *
 * A cursor is `<id of the last persisted event before it>|<position>`; positions are counted anew each time the session is loaded.
 * The runtime tells only one kind of loss (`cursorStatus: "expired"`). Two it passes over in silence, so they are found here:
 * - overrun: the log keeps about 4096 events; the position then moves over those that are gone.
 * - reloaded: the position is behind the log's own end, for the log is another one. It is read anew from its
 *   beginning, up to the cursor's persisted event without showing it twice.
 * To count, every event is read, and `types` are picked out here.
 */
import type { EventMap, EventType, SessionEvent, SessionRequester } from "../protocol/index.js";
import { overrun, position } from "./overrun.js";

export interface Gap {
  /** `expired`: the runtime does not know the cursor. `overrun`: the log let go of events. `reloaded`: the session was loaded anew. */
  readonly reason: "expired" | "overrun" | "reloaded";
  /** How many events are missing, where that can be told. Ephemeral events of an earlier load are gone uncounted. */
  readonly missed?: number;
}

export interface Followed<E = SessionEvent> {
  readonly event: E;
  /** Where to go on later. Nothing after this event is missed from there; events of the same page may come again. */
  readonly cursor: string;
  /** Something is missing before this event. */
  readonly gap?: Gap;
}

export interface FollowOptions<T extends EventType> {
  /** Where to go on: a `cursor` of before, or of `eventLog.tail`. Left out: from the beginning of what the log has. */
  cursor?: string | undefined;
  types?: readonly T[] | undefined;
  /** Milliseconds that one poll may wait for news (500); the runtime caps it at 30000. An attach to the session waits as long. */
  waitMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Follows `session.eventLog.read`. Ends by `return`, by an error of the call, or with the signal's reason. */
export async function* follow<T extends EventType = EventType>(
  session: SessionRequester,
  { cursor, types, waitMs = 500, signal }: FollowOptions<T> = {},
): AsyncGenerator<Followed<EventMap[T]>, void, undefined> {
  const wanted = types && new Set<string>(types);
  const isWanted = (event: SessionEvent): event is EventMap[T] => wanted === undefined || wanted.has(event.type);
  let gap: Gap | undefined;
  /** The persisted event up to which a log that is read anew was seen before. */
  let seenUpTo: string | undefined;

  for (;;) {
    const page = await session.request(
      "eventLog.read",
      { ...(cursor === undefined ? {} : { cursor }), max: 1000, ...(seenUpTo === undefined ? { waitMs } : {}) },
      { signal },
    );
    const from = position(cursor);
    const to = position(page.cursor);
    const moved = from === undefined || to === undefined ? undefined : to - from;

    const suspicious = cursor !== undefined && (page.events.length === 0 || moved !== page.events.length);
    if (page.cursorStatus === "expired") gap = { reason: "expired" };
    else if (suspicious && (await isBehindEnd(session, cursor, signal))) {
      gap = { reason: "reloaded" };
      seenUpTo = cursor?.split("|")[0];
      cursor = undefined;
      continue;
    } else {
      const missed = await overrun(session, { cursor, page, signal });
      if (missed > 0) gap ??= { reason: "overrun", missed };
    }

    let events = page.events;
    if (seenUpTo !== undefined) {
      const at = events.findIndex((event) => event.id === seenUpTo);
      events = at < 0 ? [] : events.slice(at + 1);
      if (at >= 0 || !page.hasMore) seenUpTo = undefined;
    }
    const before = cursor ?? page.cursor;
    const matching = events.filter(isWanted);
    for (const [index, event] of matching.entries()) {
      const last = index === matching.length - 1;
      yield { event, cursor: last ? page.cursor : before, ...(gap === undefined ? {} : { gap }) };
      gap = undefined;
    }
    cursor = page.cursor;
  }
}

async function isBehindEnd(
  session: SessionRequester,
  cursor: string | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const tail = await session.request("eventLog.tail", {}, { signal });
  const end = position(tail.cursor);
  const at = position(cursor);
  return end !== undefined && at !== undefined && at > end;
}
