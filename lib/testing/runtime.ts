import type { Readable, Writable } from "node:stream";
import type { Clock } from "./clock.js";
import type { Fault, FaultName, TraceLine } from "./faults.js";
import type { AskedData, KindName } from "./kinds.js";
import type { Likeness } from "./likeness.js";
import type { Answered } from "./machine.js";

/** Options of `fakeRuntime`. */
export interface FakeOptions {
  /** The runtime that it is like. `1.0.102` when left out. */
  like?: Likeness | undefined;
  /** Ids, tokens and faults follow from it. */
  seed?: string | number | undefined;
  /** What goes wrong. A name alone gets its place from the seed. */
  faults?: readonly (Fault | FaultName)[] | undefined;
  /** Where it keeps time: this machine's clock when left out, or one that a test moves. */
  clock?: Clock | undefined;
  /** The connection token; it follows from the seed when left out. */
  token?: string | undefined;
  /** The port on 127.0.0.1; a free one when left out. */
  port?: number | undefined;
  /** Whether an MCP server takes this access token. All are taken when left out. */
  accepts?:
    | ((token: string, server: { serverName: string; serverUrl: string; sessionId: string }) => boolean)
    | undefined;
  /**
   * What the model says where nothing is scripted; "done" when left out, or when it gives nothing. `modelUrl` is the `baseUrl` of the
   * session's provider, for a test that has several models.
   */
  model?: ((asked: { sessionId: string; modelUrl: string | undefined }) => FakeReply | undefined) | undefined;
}

/** An answer that came: what `handlePending…` was called with, and whether it was taken. */
export interface FakeAnswer extends Answered {}

/** What the model says next: text, which ends the turn, or a question. */
export type FakeReply =
  | { readonly text: string }
  | { readonly [K in KindName]: { readonly ask: K; readonly data?: AskedData<K> } }[KindName];

/** A question that waits, or that was dropped and still takes an answer that nobody hears (`deaf`). */
export interface FakeRequest {
  /** The session that asks. */
  readonly sessionId: string;
  /** The request. */
  readonly requestId: string;
  /** Its kind. */
  readonly kind: KindName;
  /** Whether an answer would be heard. */
  readonly state: "open" | "deaf";
}

/** A fake runtime at work. */
export interface FakeRuntime {
  /** `tcp://127.0.0.1:<port>`. */
  readonly endpoint: string;
  /** The connection token that `connect` needs. */
  readonly token: string;
  /** What `connect` says of it. */
  readonly version: Likeness;
  /** Where it keeps time. */
  readonly clock: Clock;
  /** Another connection, in memory. As over stdio no token is asked for. */
  streams(): { readable: Readable; writable: Writable };
  /** The loaded sessions. */
  readonly sessions: readonly string[];
  /**
   * Brings a session to ask, in a turn where the kind comes out of one. What the session does not let the runtime ask is not asked, as with
   * the real one; a token for an MCP server is then asked for under this id with the first interest.
   * @returns the request id.
   * @throws TypeError when the session is not loaded, or there is no such kind.
   */
  raise<K extends KindName>(sessionId: string, kind: K, data?: AskedData<K>): string;
  /** What the model says in the next turns, in order. Past its end it says "done". */
  script(sessionId: string, ...replies: FakeReply[]): void;
  /** The MCP server, or each of the session's, takes the tokens of this load no longer. */
  revoke(sessionId: string, serverName?: string): void;
  /** What waits for an answer now. */
  readonly requests: readonly FakeRequest[];
  /** Every answer from the start on, and those to come; ends with `close`. */
  readonly answers: AsyncIterable<FakeAnswer>;
  /** The answers so far. */
  readonly answered: readonly FakeAnswer[];
  /** Every message so far, in order, with what happened to it. */
  readonly trace: readonly TraceLine[];
  /** Answers a method by a function of the test, in the place of what the fake would do. What it throws is the call's error. */
  handle(method: string, handler: (params: Readonly<Record<string, unknown>>) => unknown): void;
  /** Ends it as SIGKILL would: connections break, what was in memory is gone, what was on disk stays. */
  kill(): Promise<void>;
  /** Starts it again over what is on disk, after `kill` where it runs; on the same port unless that was taken. */
  restart(): Promise<void>;
  /** Breaks a connection, or all; the runtime goes on. */
  drop(connection?: number): void;
  /** Resolves when it ends by itself: by `runtime.shutdown`, or a fault. */
  readonly exited: Promise<void>;
  /** The same as `close`, by the name that `startRuntime` gives it. */
  stop(): Promise<void>;
  /** Ends it, and frees its port. */
  close(): Promise<void>;
  /** `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}
