import type { EventSource } from "../events/index.js";
import type { EventMap, EventType, SessionLifecycle } from "../protocol/index.js";
import type { ReaderHooks } from "./reader.js";
import type { RpcEventMap } from "./rpc.js";
import { createSeen } from "./seen.js";
import type { SessionSlot } from "./session.js";

/** How many event ids are kept to recognise an event that the runtime sends twice. */
const rememberedIds = 1024;

/** Gives each message of the runtime that is no reply to those who listen: to its session first, then to the connection. */
export function createDispatch(
  sessions: ReadonlyMap<string, SessionSlot>,
  events: EventSource<RpcEventMap, EventType>,
): Pick<ReaderHooks, "event" | "notification"> {
  const isRepeated = createSeen(rememberedIds);
  /** The session of the last event. */
  let lastActive: string | undefined;
  return {
    event(sessionId, event) {
      const slot = sessions.get(sessionId);
      // All events of a session share one string for its id, so that whoever keeps an event does not keep a copy of the id.
      if (sessionId !== lastActive) lastActive = slot?.session.id ?? sessionId;
      if (event.id !== undefined && isRepeated(lastActive, event.id)) return;
      // The schemas' types describe what the runtime sends; an unknown type passes through as it came.
      const type = event.type as keyof EventMap;
      const known = event as EventMap[typeof type];
      slot?.source.emit(type, known);
      if (events.hears(type)) events.emit(type, { sessionId, event: known } as RpcEventMap[typeof type]);
    },
    notification(method, params) {
      if (method === "session.lifecycle" && isLifecycle(params))
        events.emit("session.lifecycle", { sessionId: params.sessionId, event: params }, { every: false });
      else events.emit("notification", { method, params }, { every: false });
      // The runtime announces a change of a session between two of its events.
      return isLifecycle(params) && params.sessionId === lastActive;
    },
  };
}

function isLifecycle(params: unknown): params is SessionLifecycle {
  return typeof params === "object" && params !== null && "sessionId" in params && typeof params.sessionId === "string";
}
