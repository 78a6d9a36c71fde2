import { createEvents, type EventSource, type Events } from "../events/index.js";
import type { EventMap, SessionRequester } from "../protocol/index.js";
import type { Rpc } from "./rpc.js";

/** One session as seen over one connection. Making it attaches nothing; only calls and events name it. */
export interface Session extends SessionRequester {
  readonly rpc: Rpc;
  /** This session's events, each delivered once, in wire order. */
  readonly events: Events<EventMap>;
}

export interface SessionSlot {
  readonly session: Session;
  readonly source: EventSource<EventMap>;
}

export function createSession(
  rpc: Rpc,
  id: string,
  call: (method: string, params: object, options?: object) => unknown,
): SessionSlot {
  const source = createEvents<EventMap>();
  const request = (name: string, params: object = {}, options?: object): unknown =>
    call(`session.${name}`, isRecord(params) ? { ...params, sessionId: id } : params, options);
  return { source, session: { id, rpc, events: source, request: request as Session["request"] } };
}

const isRecord = (params: unknown): boolean => typeof params === "object" && params !== null && !Array.isArray(params);
