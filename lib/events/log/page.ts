/** Pages of a session's event log: the one place that calls `session.eventLog.read`. */
import type { EventType, RequestOptions, SessionEvent, SessionRequester } from "../../protocol/index.js";

/** Positions that one page covers at most; the runtime's own limit. */
export const pageMax = 1000;

export interface LogPage {
  readonly events: readonly SessionEvent[];
  /** The place behind the last event of the page. */
  readonly cursor: string;
  /** `expired`: the runtime does not know the cursor that the page was read from. */
  readonly cursorStatus?: "ok" | "expired";
  readonly hasMore: boolean;
}

export interface ReadPageOptions extends RequestOptions {
  /** Where to begin. Left out: at the beginning of what the log has. */
  cursor?: string | undefined;
  /** Positions to read at most. `pageMax` when left out. */
  max?: number | undefined;
  /** Only events of these types. All of them when left out. */
  types?: [EventType, ...EventType[]] | undefined;
  /** Milliseconds to wait for news when there are none. 0 when left out. */
  waitMs?: number | undefined;
}

export function readPage(
  session: SessionRequester,
  { cursor, max = pageMax, types, waitMs, ...options }: ReadPageOptions = {},
): Promise<LogPage> {
  const params = {
    max,
    ...(cursor === undefined ? {} : { cursor }),
    ...(types === undefined ? {} : { types }),
    ...(waitMs === undefined ? {} : { waitMs }),
  };
  return session.request("eventLog.read", params, options);
}

/** Each page up to the end of the log, with the cursor that it was read from. */
export async function* readPages(
  session: SessionRequester,
  { cursor, ...options }: Omit<ReadPageOptions, "waitMs"> = {},
): AsyncGenerator<{ readonly from: string | undefined; readonly page: LogPage }, void, undefined> {
  for (let from = cursor; ; ) {
    const page = await readPage(session, { cursor: from, ...options });
    yield { from, page };
    if (!page.hasMore) return;
    from = page.cursor;
  }
}

/** The position in a cursor; positions count from 0 each time the session is loaded. */
export function position(cursor: string | undefined): number | undefined {
  const [, digits] = /\|(\d+)$/.exec(cursor ?? "|0") ?? [];
  return digits === undefined ? undefined : Number(digits);
}
