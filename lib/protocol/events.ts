import type { SessionEvent as GeneratedEvent } from "./generated.js";
import type { NewerEvents } from "./newer.js";

/** Event type to event, for every event type of the runtimes' schemas. */
export type EventMap = { [E in Exclude<GeneratedEvent, { type: keyof NewerEvents }> as E["type"]]: E } & NewerEvents;

/** The type of an event that the schemas know, such as `"mcp.oauth_required"`. */
export type EventType = keyof EventMap;

/** Any event of a session. */
export type SessionEvent = EventMap[EventType];

/** What a session's event looks like when its type is not one that the schemas know. */
export interface UnknownEvent {
  /** A UUID, given by the runtime. */
  readonly id: string;
  /** The type as it came. */
  readonly type: string;
  /** ISO 8601. */
  readonly timestamp: string;
  /** The persisted event before it in the session's log; null at its beginning. */
  readonly parentId: string | null;
  /** True when the runtime does not write it to disk. */
  readonly ephemeral?: boolean;
  /** What it says. Check it before use. */
  readonly data: unknown;
}

/** The runtime's `session.lifecycle` broadcast: it reaches every connection, attached or not. */
export interface SessionLifecycle {
  /** What happened to the session. */
  readonly type:
    | "session.created"
    | "session.updated"
    | "session.deleted"
    | "session.foreground"
    | "session.background";
  /** Which session. */
  readonly sessionId: string;
  /** Times in ISO 8601, and the session's summary where it has one. */
  readonly metadata?: { startTime: string; modifiedTime: string; summary?: string };
}
