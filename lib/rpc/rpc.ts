import type { ConnectionError } from "../base/errors.js";
import type { Events, Off } from "../events/index.js";
import type {
  ClientMethods,
  EventMap,
  EventType,
  Requester,
  SessionLifecycle,
  SessionRequester,
} from "../protocol/index.js";
import type { Capabilities } from "./capabilities.js";

/** A session's event with the session that it belongs to. */
export type RpcEventMap = {
  [T in keyof EventMap]: { readonly sessionId: string; readonly event: EventMap[T] };
} & {
  /** The runtime's broadcast about any of its sessions, attached or not. `"*"` does not include it. */
  "session.lifecycle": { readonly sessionId: string; readonly event: SessionLifecycle };
  /** Any other notification, as it came. `"*"` does not include it. */
  notification: { readonly method: string; readonly params: unknown };
};

/** Why a connection is over: `CLOSED` by the peer, `ENDED` by us, `DESTROYED`, or `PROTOCOL`. */
export interface CloseReason {
  /** `CLOSED`, `ENDED`, `DESTROYED` or `PROTOCOL`. */
  readonly code: ConnectionError["code"];
  /** What happened, for people to read. */
  readonly message: string;
  /** The evidence, such as the error of the socket. */
  readonly cause?: unknown;
}

/** Answers a request of the runtime; what it throws is sent as an error, with the message of an `Error`. */
export type Handler<M extends keyof ClientMethods> = (
  params: ClientMethods[M]["params"],
  context: { signal: AbortSignal },
) => ClientMethods[M]["result"] | Promise<ClientMethods[M]["result"]>;

/** What the runtime said of itself. */
export interface Hello {
  /** The version of the protocol, a whole number; within `protocolWindow`. */
  readonly protocolVersion: number;
  /** The runtime's own version, such as `1.0.102`. */
  readonly version: string;
}

/** One connection to a runtime, from `connect`. Each request that is out settles, whatever happens to the connection. */
export interface Rpc extends Requester {
  /** `tcp://127.0.0.1:41234`, or `stdio:`. Never holds a secret. */
  readonly endpoint: string;
  /** What the runtime said of itself in the handshake. */
  readonly hello: Hello;
  /** The runtime's versions that this latchkey is tested with; there only when `hello.version` is not among them. */
  readonly testedVersions?: readonly string[];
  /** The events of every session on this connection, each with its `sessionId`, in wire order. */
  readonly events: Events<RpcEventMap, EventType>;
  /** What this runtime can do beyond what every one can; asked once, at the first call. */
  capabilities(): Promise<Capabilities>;
  /** The session with this id; the same object for the same id. Nothing is sent and nothing is checked. */
  session(sessionId: string): Session;
  /** Answers a method that the runtime calls on its client. Without a handler it is answered with `MethodNotFound`. */
  handle<M extends keyof ClientMethods>(method: M, handler: Handler<M>): Off;
  /** Resolves when the connection is over; never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Ends the connection. Requests that are still out reject with `ENDED`. */
  close(): Promise<void>;
  /** `await using` closes the connection. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** One session as seen over one connection. Making it attaches nothing; only calls and events name it. */
export interface Session extends SessionRequester {
  /** The connection that it is seen over. */
  readonly rpc: Rpc;
  /** This session's events, each delivered once, in wire order. */
  readonly events: Events<EventMap>;
}
