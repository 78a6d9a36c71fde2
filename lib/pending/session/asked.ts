import { overrun, pageMax } from "../../events/internal.js";
import type { RequestOptions, SessionEvent, SessionRequester } from "../../protocol/index.js";
import { isKind, type KindName, kinds } from "../kinds/table.js";

/** An event that asked. */
export type AskingEvent = Extract<SessionEvent, { type: KindName }>;

export interface Asked {
  /** The requests that the log of the present load shows as asked and not completed, in order. A completed event may never come: some of these may be over. */
  readonly events: AskingEvent[];
  /** False when the log has let go of events: then a request may be open that is not among them. */
  readonly whole: boolean;
}

const completions = new Set<string>(Object.values(kinds).map((row) => row.completed));

const isAsking = (event: SessionEvent): event is AskingEvent => isKind(event.type);

/** The tool call that a request belongs to, where the request says so. */
function toolCallOf({ data }: AskingEvent): string | undefined {
  if ("toolCallId" in data) return data.toolCallId;
  return "permissionRequest" in data && "toolCallId" in data.permissionRequest
    ? data.permissionRequest.toolCallId
    : undefined;
}

/**
 * Takes events in order and keeps what was asked and not completed. The end of a tool call ends what it asked: not every completed
 * event is in the log of a later load.
 */
export function createAsked(): { see(event: SessionEvent): void; open(): AskingEvent[] } {
  const open = new Map<string, AskingEvent>();
  const over = new Set<string>();
  return {
    see(event) {
      if (isAsking(event)) {
        if (!over.has(event.data.requestId)) open.set(event.data.requestId, event);
      } else if (completions.has(event.type) && "requestId" in event.data && typeof event.data.requestId === "string") {
        over.add(event.data.requestId);
        open.delete(event.data.requestId);
      } else if (event.type === "tool.execution_complete") {
        for (const [id, asking] of open) if (toolCallOf(asking) === event.data.toolCallId) open.delete(id);
      }
    },
    open: () => [...open.values()],
  };
}

/** Shows every event that the log of the present load has, in order. `whole` when the log has let go of none; `cursor` is its end. */
export async function readLog(
  session: SessionRequester,
  see: (event: SessionEvent) => void,
  options: RequestOptions = {},
): Promise<{ whole: boolean; cursor: string }> {
  let cursor: string | undefined;
  let whole = true;
  for (;;) {
    const at = cursor === undefined ? {} : { cursor };
    const page = await session.request("eventLog.read", { max: pageMax, ...at }, options);
    for (const event of page.events) see(event);
    whole &&= (await overrun(session, { cursor, page, signal: options.signal })) === 0;
    cursor = page.cursor;
    if (!page.hasMore) return { whole, cursor };
  }
}

/**
 * Reads the event log of the present load for requests that wait. No other call lists pending OAuth requests.
 * Ephemeral requests of an earlier load are not in it; permissions and external tools of one are.
 */
export async function readAsked(session: SessionRequester, options: RequestOptions = {}): Promise<Asked> {
  const asked = createAsked();
  const { whole } = await readLog(session, asked.see, options);
  return { events: asked.open(), whole };
}
