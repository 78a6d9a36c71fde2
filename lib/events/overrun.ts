import type { SessionRequester } from "../protocol/index.js";

/** The position in a cursor; positions count from 0 each time the session is loaded. */
export function position(cursor: string | undefined): number | undefined {
  const [, digits] = /\|(\d+)$/.exec(cursor ?? "|0") ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * How many events the log had let go of between `cursor` and the `page` read from there; the runtime skips them in silence.
 * A page that moves further than it has events tells nothing yet: some events have a position and are never shown (one a
 * model call in runtime 1.0.102). A page of one does: it moves by one unless something is gone.
 */
export async function overrun(
  session: SessionRequester,
  {
    cursor,
    page,
    signal,
  }: {
    cursor: string | undefined;
    page: { events: readonly unknown[]; cursor: string };
    signal?: AbortSignal | undefined;
  },
): Promise<number> {
  const from = position(cursor);
  const to = position(page.cursor);
  if (from === undefined || to === undefined || to - from <= page.events.length) return 0;
  const at = cursor === undefined ? {} : { cursor };
  const one = await session.request("eventLog.read", { max: 1, ...at }, { signal });
  return Math.max(0, (position(one.cursor) ?? from) - from - 1);
}
