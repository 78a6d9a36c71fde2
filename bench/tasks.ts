import type { Opening, Place } from "./clients/client.js";
import type { Contestant } from "./clients/index.js";

/** What a subject is asked to do, one after the other, and what it answers. Times are milliseconds. */
export interface Tasks {
  connect: { asks: { place: Place; nudge?: boolean }; tells: null };
  open: { asks: { openings: Opening[] }; tells: { sessionIds: string[] } };
  /** Calls of one kind, `inFlight` at a time; the median of what one of them took. */
  calls: {
    asks: { call: "ping" | "log"; count: number; inFlight: number; bytes: number };
    tells: { each: number; cpuEach: number };
  };
  /**
   * Answers to the permissions that turns ask for, to call a tool of the host or of the runtime: from the answer's call to
   * its response; and how long after its own
   * timestamp, which has milliseconds, the handler saw an event of a turn, for nine of ten of them.
   */
  approvals: { asks: { count: number; ofHost: boolean }; tells: { each: number; lag: number } };
  /** Counts the events from now on, to so many; each one may take the handler `busyMicros`. */
  expect: { asks: { events: number; busyMicros: number }; tells: null };
  /** Waits until all that was expected came. */
  counted: { asks: Record<never, never>; tells: Counted };
  memory: { asks: Record<never, never>; tells: { heap: number; rss: number; peakRss: number } };
  close: { asks: Record<never, never>; tells: null };
}

export interface Counted {
  events: number;
  /** From the first event to the last. */
  wallMs: number;
  /** User and system time of the whole process in that span. */
  cpuMs: number;
  peakRss: number;
  /** For events that carry their time of writing: how long after it the handler saw them. */
  delays: number[];
}

export type TaskName = keyof Tasks;
export type Order = { [T in TaskName]: { task: T; asks: Tasks[T]["asks"] } }[TaskName];
export type Report = { ready: true } | { told: unknown } | { failed: string };

export interface SubjectSettings {
  contestant: Contestant;
}

/** What the peer, a runtime of straw, is asked to write. */
export interface Flood {
  events: number;
  /** Events go to this many sessions in turn. */
  sessions: number;
  /** Events that carry their time of writing, in bursts of so many writes; 0 for as fast as it goes. */
  burst: number;
  /** With the header: an event as most are, of 400 bytes, or one of 250, such as a piece of an assistant's message. 400 when left out. */
  size?: EventSize;
}

export type EventSize = "250 bytes" | "400 bytes";

/** The session that the peer means by its number. */
export const sessionOf = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;
