import { isRecord } from "../base/record.js";
import { createEvents, type EventSource } from "../events/index.js";
import type { EventMap } from "../protocol/index.js";
import type { Rpc, Session } from "./rpc.js";

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
