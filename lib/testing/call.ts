/** A call of one of a session's own methods, and what carries it out. */
import type { Peer } from "./peer.js";
import type { Session } from "./session.js";

export interface Call {
  readonly session: Session;
  readonly peer: Peer;
  readonly params: Readonly<Record<string, unknown>>;
  /** Runs when the response is on the wire. */
  after(act: () => void): void;
}

export type Handler = (call: Call) => unknown;

/** Methods by their names, without `session.`. */
export type Handlers = Readonly<Record<string, Handler>>;
