import { type KindName, readAsked, rowOf } from "../pending/index.js";
import type { EventType, SessionRequester } from "../protocol/index.js";

/** What the event log of a session's present load tells about one request. */
export interface Evidence {
  readonly completed: boolean;
  /** The load knows nothing of the request and has forgotten nothing: it died with an earlier load. */
  readonly gone: boolean;
}

/** Asks the runtime about a request. Throws `SESSION_NOT_FOUND` when the session is not loaded there. */
export async function evidence(
  session: SessionRequester,
  request: { readonly kind: KindName; readonly requestId: string },
  signal: AbortSignal,
): Promise<Evidence> {
  const row = rowOf(request.kind);
  const types: [EventType, EventType] = [row.event, row.completed];
  let asked = false;
  for (let cursor: string | undefined; ; ) {
    const page = await session.request(
      "eventLog.read",
      { max: 1000, types, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
    for (const event of page.events) {
      if (!("requestId" in event.data) || event.data.requestId !== request.requestId) continue;
      if (event.type === row.completed) return { completed: true, gone: false };
      asked = true;
    }
    cursor = page.cursor;
    if (!page.hasMore) break;
  }
  if (asked || row.survivesRuntime) return { completed: false, gone: false };
  const { events, whole } = await readAsked(session, { signal });
  return { completed: false, gone: whole && !events.some(({ data }) => data.requestId === request.requestId) };
}
