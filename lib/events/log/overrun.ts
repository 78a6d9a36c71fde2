import type { SessionRequester } from "../../protocol/index.js";
import { type LogPage, pageMax, position, readPage } from "./page.js";

/**
 * How many events the log had let go of in the `page` read from `cursor` with `pageMax`; the runtime skips them in silence.
 * It keeps what is persisted, so they may be missing from the middle.
 *
 * A page that moves further than it has events tells nothing yet: some events have a position and are never shown (one a model
 * call in runtime 1.0.102). But a page covers no more positions than it was asked for, so one that moves further skipped some;
 * and a page that ends the log is read again with one position less: it stops short of the end unless something is gone.
 */
export async function overrun(
  session: SessionRequester,
  { cursor, page, signal }: { cursor: string | undefined; page: LogPage; signal?: AbortSignal | undefined },
): Promise<number> {
  const from = position(cursor);
  const to = position(page.cursor);
  if (from === undefined || to === undefined) return 0;
  const moved = to - from;
  if (moved <= page.events.length) return 0;
  if (moved > pageMax) return moved - (page.hasMore ? pageMax : page.events.length);
  if (page.hasMore || moved === 1) return 0;
  const shorter = await readPage(session, { cursor, max: moved - 1, signal });
  return (position(shorter.cursor) ?? 0) - from > moved - 1 ? moved - page.events.length : 0;
}
