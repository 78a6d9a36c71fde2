/**
 * The event log of one load of a session.
 *
 * It begins with what is on disk; positions count from 1 in each load. A cursor is `<id>|<position>`: the last persisted event that
 * was read, and the last position. A read gives the persisted events behind that id and the others behind that position, so a cursor
 * of an earlier load finds what was persisted since. Of the events that are not persisted the log keeps some 4096; when there are more
 * it lets go of the oldest 1024 at once, and a cursor that points there is `ok` all the same.
 */
import type { Clock } from "./clock.js";
import type { Random } from "./random.js";

export interface LogEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly ephemeral?: true;
  readonly id: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly parentId: string | null;
}

export interface Page {
  readonly events: readonly LogEvent[];
  readonly cursor: string;
  readonly hasMore: boolean;
  readonly cursorStatus: "ok" | "expired";
}

export interface Log {
  append(type: string, data: Readonly<Record<string, unknown>>, options?: { ephemeral?: boolean }): LogEvent;
  read(params: Readonly<Record<string, unknown>>): Page;
  /** The position behind the last event. */
  tail(): string;
  /** Calls back once, with the next event. Returns what takes that back. */
  next(heard: (event: LogEvent) => void): () => void;
}

interface Item {
  readonly event: LogEvent;
  readonly position: number;
}

const kept = 4096;
const letGo = 1024;
const longestPage = 1000;

export function createLog(disk: LogEvent[], { random, clock }: { random: Random; clock: Clock }): Log {
  let items: Item[] = disk.map((event, index) => ({ event, position: index + 1 }));
  let last = items.length;
  let passing = 0;
  const places = new Map(disk.map(({ id }, index) => [id, index]));
  const listeners = new Set<(event: LogEvent) => void>();

  function overflow(): void {
    if (passing <= kept) return;
    let gone = 0;
    items = items.filter(({ event }) => event.ephemeral === undefined || ++gone > letGo);
    passing -= letGo;
  }

  /** Where a cursor points. One whose id is of no event here is expired; its position counts all the same. */
  function place(cursor: unknown): { anchor: string; index: number; position: number; isKnown: boolean } {
    if (cursor === undefined || cursor === null) return { anchor: "", index: -1, position: 0, isKnown: true };
    const [, anchor = String(cursor), digits = "0"] = /^(.*)\|(\d+)$/.exec(String(cursor)) ?? [];
    const index = places.get(anchor);
    return { anchor, index: index ?? -1, position: Number(digits), isKnown: index !== undefined };
  }

  function forward(params: Readonly<Record<string, unknown>>): Page {
    const from = place(params.cursor);
    const shown = shownBy(params);
    const max = pageOf(params.max);
    const events: LogEvent[] = [];
    let { anchor, position } = from;
    let hasMore = false;
    for (const { event, position: at } of items) {
      const behind = event.ephemeral === undefined ? (places.get(event.id) ?? 0) > from.index : at > from.position;
      if (!behind) continue;
      if (events.length === max) {
        hasMore = true;
        break;
      }
      if (shown(event)) events.push(event);
      if (event.ephemeral === undefined) anchor = event.id;
      position = Math.max(position, at);
    }
    return { events, cursor: `${anchor}|${position}`, hasMore, cursorStatus: from.isKnown ? "ok" : "expired" };
  }

  function backward(params: Readonly<Record<string, unknown>>): Page {
    const shown = shownBy(params);
    const [, before] = /^b:(.*)$/.exec(String(params.cursor)) ?? [];
    const end = before === undefined ? undefined : places.get(before);
    const past = disk.slice(0, end ?? disk.length).filter(shown);
    const events = past.slice(-pageOf(params.max));
    return {
      events,
      cursor: `b:${events[0]?.id ?? before ?? ""}`,
      hasMore: events.length < past.length,
      cursorStatus: params.cursor !== undefined && end === undefined ? "expired" : "ok",
    };
  }

  return {
    append(type, data, { ephemeral = false } = {}) {
      const event: LogEvent = {
        type,
        data,
        ...(ephemeral ? { ephemeral } : {}),
        id: random.uuid(),
        timestamp: new Date(clock.now()).toISOString(),
        parentId: disk.at(-1)?.id ?? null,
      };
      last += 1;
      items.push({ event, position: last });
      if (ephemeral) passing += 1;
      else {
        places.set(event.id, disk.length);
        disk.push(event);
      }
      overflow();
      const heard = [...listeners];
      listeners.clear();
      for (const listener of heard) listener(event);
      return event;
    },
    read: (params) => (params.direction === "backward" ? backward(params) : forward(params)),
    tail: () => `${disk.at(-1)?.id ?? ""}|${last}`,
    next(heard) {
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
  };
}

/** Whether a read shows an event: by its `types`, and `includeEphemeral`. */
export function shownBy(params: Readonly<Record<string, unknown>>): (event: LogEvent) => boolean {
  const { types, includeEphemeral } = params;
  const wanted = Array.isArray(types) ? new Set<unknown>(types) : undefined;
  return ({ type, ephemeral }) =>
    (wanted === undefined || wanted.has(type)) && (ephemeral === undefined || includeEphemeral !== false);
}

/** Wrong values are taken without an error. */
function pageOf(max: unknown): number {
  return typeof max === "number" && max >= 1 ? Math.min(Math.floor(max), longestPage) : 200;
}
