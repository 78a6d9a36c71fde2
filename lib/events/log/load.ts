/**
 * A load of a session: from the moment a runtime has it in memory until it lets it go. The protocol gives a load no name. The event
 * log tells of it in two ways:
 *
 *   by its events    `session.start`, `session.resume` -> loaded -> the last connection drops: `session.shutdown` -> unloaded, some
 *                    10 ms later. A session that is loaded with `disableResume` has no event that says so
 *   by its positions they count from 0 in each load, so a cursor of an earlier load does not fit the log of this one
 */
import type { SessionEvent, SessionRequester } from "../../protocol/index.js";
import { type LogPage, position, readPage, readPages } from "./page.js";

/** How the last load ended that the events tell of. */
export interface LoadEnd {
  /** The id of its `session.shutdown`. */
  readonly id: string;
  /** Whether nothing came behind it: a turn that was running may have written more. */
  readonly last: boolean;
}

/** Takes events in order; `ended` is set while a load ended and no event began another one. */
export function trackLoad(): { see(event: SessionEvent): void; ended(): LoadEnd | undefined } {
  let ended: LoadEnd | undefined;
  return {
    see(event) {
      if (event.type === "session.shutdown") ended = { id: event.id, last: true };
      else if (event.type === "session.start" || event.type === "session.resume") ended = undefined;
      else if (ended) ended = { ...ended, last: false };
    },
    ended: () => ended,
  };
}

/**
 * Whether `cursor` is of an earlier load than the log that `page` was read from. To such a cursor the runtime gives the
 * persisted events after its id, wherever they stand, and of the others those behind its position. So it shows in
 * three ways: the position is behind the log's end, the page has more events than it moved by, or its first event does not
 * move it at all. `thorough` asks for that first event alone, which costs a call.
 */
export async function isReloaded(
  session: SessionRequester,
  options: { cursor: string; page: LogPage; thorough: boolean; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const { cursor, page, thorough, signal } = options;
  const from = position(cursor);
  const to = position(page.cursor);
  if (from === undefined || to === undefined) return false;
  const count = page.events.length;
  if (count > to - from) return true;
  if (count === 0 || count < to - from) {
    const end = position((await session.request("eventLog.tail", {}, { signal })).cursor);
    if (end !== undefined && from > end) return true;
  }
  if (count === 0 || !(thorough || count < to - from)) return false;
  const one = await readPage(session, { cursor, max: 1, signal });
  return one.events.length === 1 && position(one.cursor) === from;
}

/** Where the page begins that holds the persisted event `id`, in a log that is read anew; nothing when no page does. */
export async function findPage(
  session: SessionRequester,
  id: string | undefined,
  signal?: AbortSignal | undefined,
): Promise<{ cursor: string | undefined } | undefined> {
  for await (const { from, page } of readPages(session, { signal }))
    if (page.events.some((event) => event.id === id)) return { cursor: from };
  return undefined;
}
