import { type KindName, readAsked, rowOf } from "../pending/index.js";
import { isOvertaken, pendingTools } from "../pending/internal.js";
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
  request: { readonly kind: KindName; readonly requestId: string; readonly data: object },
  signal: AbortSignal,
): Promise<Evidence> {
  const row = rowOf(request.kind);
  const types: [EventType, ...EventType[]] = [row.event, row.completed];
  if (row.overtaken) types.push(row.overtaken.by);
  let asked = false;
  for (let cursor: string | undefined; ; ) {
    const page = await session.request(
      "eventLog.read",
      { max: 1000, types, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
    for (const event of page.events) {
      if (asked && isOvertaken(request.kind, request.data, event)) return { completed: true, gone: false };
      if (!("requestId" in event.data) || event.data.requestId !== request.requestId) continue;
      if (event.type === row.completed) return { completed: true, gone: false };
      asked = true;
    }
    cursor = page.cursor;
    if (!page.hasMore) break;
  }
  if (row.event === "external_tool.requested") {
    const tools = await pendingTools(session, { signal });
    if (tools !== undefined)
      return { completed: false, gone: !tools.some(({ requestId }) => requestId === request.requestId) };
  }
  if (asked || row.survivesRuntime) return { completed: false, gone: false };
  const { events, whole } = await readAsked(session, { signal });
  return { completed: false, gone: whole && !events.some(({ data }) => data.requestId === request.requestId) };
}
