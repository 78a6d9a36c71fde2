import { RpcError } from "../../base/errors.js";
import { readLog } from "../../events/internal.js";
import type {
  PendingExternalToolRequest,
  RequestOptions,
  SessionEvent,
  SessionRequester,
} from "../../protocol/index.js";
import { isKind, type KindName, kinds, rowOf } from "../kinds/table.js";

/** An event that asked. */
export type AskingEvent = Extract<SessionEvent, { type: KindName }>;

/** What a session has asked, as its event log shows it. */
export interface Asked {
  /** The requests that the log of the present load shows as asked and not completed, in order. A completed event may never come: some of these may have ended. */
  readonly events: AskingEvent[];
  /** The ids of requests that the log shows as ended. */
  readonly ended: ReadonlySet<string>;
  /** External tools are those that the runtime lists: one that is not among the events waits no more. */
  readonly toolsListed: boolean;
  /** False when the log has dropped events: a request may be open that is not in `events`. */
  readonly whole: boolean;
}

const completions = new Set<string>(Object.values(kinds).map((row) => row.completed));

const isAsking = (event: SessionEvent): event is AskingEvent => isKind(event.type);

/** The tool call that a request belongs to, where the request says so. */
const toolCallOf = ({ type, data }: AskingEvent): unknown => rowOf(type).toolCall?.({ ...data });

/** What was asked and not ended, as far as it was shown. */
export interface AskedSoFar {
  see(event: SessionEvent): void;
  /** What `session.tools.listPendingRequests` said; `before` is what was open when it was called. */
  list(tools: readonly AskingEvent[], before: readonly AskingEvent[]): void;
  open(): AskingEvent[];
  /** The ids of requests that ended. */
  ended(): ReadonlySet<string>;
}

/**
 * Takes events in order and keeps what was asked and not completed. The end of a tool call ends what it asked: not every completed
 * event is in the log of a later load. So does what overtakes a request without naming it.
 */
export function createAsked(): AskedSoFar {
  const open = new Map<string, AskingEvent>();
  const ended = new Set<string>();
  const end = (id: string): void => {
    ended.add(id);
    open.delete(id);
  };
  return {
    see(event) {
      if (isAsking(event)) {
        if (!ended.has(event.data.requestId)) open.set(event.data.requestId, event);
      } else if (completions.has(event.type) && "requestId" in event.data && typeof event.data.requestId === "string") {
        end(event.data.requestId);
      } else if (event.type === "tool.execution_complete") {
        for (const [id, asking] of open) if (toolCallOf(asking) === event.data.toolCallId) open.delete(id);
      } else for (const [id, asking] of open) if (isOvertaken(asking.type, asking.data, event)) end(id);
    },
    list(tools, before) {
      const waiting = new Set(tools.map(({ data }) => data.requestId));
      for (const { type, data } of before)
        if (type === "external_tool.requested" && !waiting.has(data.requestId)) open.delete(data.requestId);
      for (const tool of tools)
        if (!open.has(tool.data.requestId) && !ended.has(tool.data.requestId)) open.set(tool.data.requestId, tool);
    },
    open: () => [...open.values()],
    ended: () => ended,
  };
}

/** Whether an event ends a request of this kind and data that it does not name. */
export function isOvertaken(
  kind: KindName,
  data: object,
  event: { readonly type: string; readonly data: object },
): boolean {
  const { overtaken } = rowOf(kind);
  return overtaken?.by === event.type && overtaken.ends({ ...event.data }, { ...data });
}

/** The event as it was, of a call whose event the log of this load has not. */
const eventOf = (sessionId: string, { agentId, ...tool }: PendingExternalToolRequest): AskingEvent => ({
  id: tool.requestId,
  timestamp: new Date().toISOString(),
  parentId: null,
  ephemeral: true,
  ...(agentId === undefined ? {} : { agentId }),
  type: "external_tool.requested",
  data: { ...tool, sessionId },
});

/**
 * External tool calls that wait for an answer, those of an earlier load included: `session.tools.listPendingRequests`.
 * Undefined where the runtime cannot tell; then the log has to do.
 */
export async function pendingTools(
  session: SessionRequester,
  options: RequestOptions = {},
): Promise<readonly PendingExternalToolRequest[] | undefined> {
  try {
    return (await session.request("tools.listPendingRequests", {}, options)).items;
  } catch (error) {
    if (error instanceof RpcError && error.code === "METHOD_NOT_FOUND") return undefined;
    throw error;
  }
}

/** Compares what the log showed with what the runtime lists. False where it does not list. */
export async function compareTools(
  session: SessionRequester,
  asked: AskedSoFar,
  options: RequestOptions = {},
): Promise<boolean> {
  const before = asked.open();
  const tools = await pendingTools(session, options);
  if (tools === undefined) return false;
  asked.list(
    tools.map((tool) => eventOf(session.id, tool)),
    before,
  );
  return true;
}

/**
 * Reads the event log of the present load for requests that wait. No other call lists pending OAuth requests; external tools are taken from
 * the runtime's own list where it has one.
 * Ephemeral requests of an earlier load are not in it; permissions and external tools of one are.
 * @throws RpcError `SESSION_NOT_FOUND` when the session is not loaded; ConnectionError when the connection ends first
 */
export async function readAsked(
  session: SessionRequester,
  {
    see,
    ...options
  }: RequestOptions & { /** Shown every event of the log besides. */ see?: (event: SessionEvent) => void } = {},
): Promise<Asked> {
  const asked = createAsked();
  const show = (event: SessionEvent): void => {
    asked.see(event);
    see?.(event);
  };
  const { whole } = await readLog(session, show, options);
  const toolsListed = await compareTools(session, asked, options);
  return { events: asked.open(), ended: asked.ended(), toolsListed, whole };
}
