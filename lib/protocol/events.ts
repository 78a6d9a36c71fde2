import type { SessionEvent as GeneratedEvent } from "./generated.js";
import type { NewerEvents } from "./newer.js";

/** Event type to event, for every event type of the runtimes' schemas. */
export type EventMap = { [E in Exclude<GeneratedEvent, { type: keyof NewerEvents }> as E["type"]]: E } & NewerEvents;

export type EventType = keyof EventMap;

/** Any event of a session. */
export type SessionEvent = EventMap[EventType];

/** What a session's event looks like when its type is not one that the schemas know. */
export interface UnknownEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly parentId: string | null;
  readonly ephemeral?: boolean;
  readonly data: unknown;
}

/** The runtime's `session.lifecycle` broadcast: it reaches every connection, attached or not. */
export interface SessionLifecycle {
  readonly type:
    | "session.created"
    | "session.updated"
    | "session.deleted"
    | "session.foreground"
    | "session.background";
  readonly sessionId: string;
  readonly metadata?: { startTime: string; modifiedTime: string; summary?: string };
}
