import { readLog, readPages } from "../events/internal.js";
import { type KindName, rowOf } from "../pending/index.js";
import { createAsked, isOvertaken, pendingTools } from "../pending/internal.js";
import type { EventType, SessionRequester } from "../protocol/index.js";

/** What the event log of a session's present load tells about one request. */
export interface Evidence {
  readonly completed: boolean;
  /** The runtime shows the request, whose id nobody else can know: this is the load that asked, or one that went on with it. */
  readonly shown: boolean;
  /** The load waits for no such request, and that can be told: its log has let go of nothing, or it lists what waits. */
  readonly missing: boolean;
  /** The log shows what stood before the request: it is the same session, in whatever load. */
  readonly same: boolean;
}

export interface AskedRequest {
  readonly kind: KindName;
  readonly requestId: string;
  readonly data: object;
  readonly anchor?: string;
}

const completed: Evidence = { completed: true, shown: true, missing: false, same: true };
const waiting: Evidence = { completed: false, shown: true, missing: false, same: true };

/** Asks the runtime about a request. Throws `SESSION_NOT_FOUND` when the session is not loaded there. */
export async function evidence(
  session: SessionRequester,
  request: AskedRequest,
  signal: AbortSignal,
): Promise<Evidence> {
  const row = rowOf(request.kind);
  const types: [EventType, ...EventType[]] = [row.event, row.completed];
  if (row.overtaken) types.push(row.overtaken.by);
  let shown = false;
  for await (const { page } of readPages(session, { types, signal })) {
    for (const event of page.events) {
      if (shown && isOvertaken(request.kind, request.data, event)) return completed;
      if (!("requestId" in event.data) || event.data.requestId !== request.requestId) continue;
      if (event.type === row.completed) return completed;
      shown = true;
    }
  }
  const tools = row.event === "external_tool.requested" ? await pendingTools(session, { signal }) : undefined;
  if (tools?.some(({ requestId }) => requestId === request.requestId) ?? shown) return waiting;
  return await absence(session, request, { listed: tools !== undefined, signal });
}

/** What the whole log tells about a request that was not found where it should be. */
async function absence(
  session: SessionRequester,
  { kind, requestId, anchor }: AskedRequest,
  { listed, signal }: { listed: boolean; signal: AbortSignal },
): Promise<Evidence> {
  const asked = createAsked();
  let same = false;
  const { whole } = await readLog(
    session,
    (event) => {
      asked.see(event);
      same ||= event.id === anchor;
    },
    { signal },
  );
  if (!listed && asked.open().some(({ data }) => data.requestId === requestId)) return waiting;
  return { completed: false, shown: false, missing: listed || (whole && !rowOf(kind).survivesRuntime), same };
}
