import type { SessionEvent, SessionRequester } from "../../protocol/index.js";
import { position } from "./overrun.js";

interface Page {
  readonly events: readonly SessionEvent[];
  readonly cursor: string;
  readonly hasMore: boolean;
}

/**
 * Whether `cursor` is of an earlier load than the log that `page` was read from. To such a cursor the runtime gives the
 * persisted events after its id, wherever they stand, and of the others those behind its position. So it shows in
 * three ways: the position is behind the log's end, the page has more events than it moved by, or its first event does not
 * move it at all. `thorough` asks for that first event alone, which costs a call.
 */
export async function isReloaded(
  session: SessionRequester,
  options: { cursor: string; page: Page; thorough: boolean; signal?: AbortSignal | undefined },
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
  const one = await session.request("eventLog.read", { cursor, max: 1 }, { signal });
  return one.events.length === 1 && position(one.cursor) === from;
}

/** The cursor of the page that holds the persisted event `id`, in a log that is read anew; nothing when none does. */
export async function pageOf(
  session: SessionRequester,
  id: string | undefined,
  signal?: AbortSignal | undefined,
): Promise<{ cursor: string | undefined } | undefined> {
  let cursor: string | undefined;
  for (;;) {
    const page: Page = await readPage(session, cursor, { signal });
    if (page.events.some((event) => event.id === id)) return { cursor };
    if (!page.hasMore) return undefined;
    cursor = page.cursor;
  }
}

export const readPage = (
  session: SessionRequester,
  cursor: string | undefined,
  { waitMs, signal }: { waitMs?: number | undefined; signal?: AbortSignal | undefined } = {},
) =>
  session.request(
    "eventLog.read",
    { ...(cursor === undefined ? {} : { cursor }), max: 1000, ...(waitMs === undefined ? {} : { waitMs }) },
    { signal },
  );
