import { createServer, type Server } from "node:net";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { createAnswers } from "./answers.js";
import { raise } from "./asking.js";
import { type Clock, realClock } from "./clock.js";
import { createFaultyWire, type Fault, type FaultName, placeFault, type TraceLine } from "./faults.js";
import { type AskedData, isKind, type KindName } from "./kinds.js";
import { type Likeness, likenesses, traits as traitsOf } from "./likeness.js";
import { type Answered, createMachine, type Disk, type Machine } from "./machine.js";
import { createRandom } from "./random.js";
import type { Reply, Session } from "./session.js";

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

/** What each like-named runtime leaves on disk; nothing is really written. */
const folder = "/fake/.copilot";

/**
 * A runtime that is none: it speaks the protocol, and does what the real ones do with sessions, questions and answers, faults of theirs
 * included. No model, no server, no network but loopback.
 * @throws TypeError when `like` is none of `likenesses`; what listening on a port can cause, such as `EADDRINUSE`
 * @example
 * ```ts
 * import { connect } from "latchkey/rpc";
 * import { fakeRuntime } from "latchkey/testing";
 *
 * await using fake = await fakeRuntime({ seed: 1 });
 * await using rpc = await connect(fake.endpoint, { token: fake.token });
 * const { sessionId } = await rpc.request("session.create", { requestPermission: true });
 * fake.raise(sessionId, "permission.requested");
 * console.log(fake.requests);
 * ```
 */
export async function fakeRuntime(options: FakeOptions = {}): Promise<FakeRuntime> {
  const { like = "1.0.102", seed = "fake", clock = realClock, accepts = () => true } = options;
  if (!likenesses.includes(like)) throw new TypeError(`"like" must be one of: ${likenesses.join(", ")}`);
  const traits = traitsOf[like];
  const random = createRandom(seed);
  const token = options.token ?? random.fork("token").uuid();
  const disk: Disk = { folder, sessions: new Map() };
  const answers = createAnswers<FakeAnswer>();
  const own = new Map<string, (params: Readonly<Record<string, unknown>>) => unknown>();
  const places = random.fork("faults");
  const faults = (options.faults ?? []).map((fault) => (typeof fault === "string" ? placeFault(fault, places) : fault));
  const between = createFaultyWire(faults, {
    kill(again) {
      machine.die();
      void (again ? restart() : kill().then(exit));
    },
  });
  let runs = 0;
  let exit: () => void = () => undefined;
  const exited = new Promise<void>((resolve) => {
    exit = resolve;
  });

  function run(): Machine {
    runs += 1;
    return createMachine({
      traits,
      disk,
      random: random.fork(`run ${runs}`),
      clock,
      token,
      between,
      own,
      accepts,
      asksEarly: faults.some(({ fault }) => fault === "ask-before-interest"),
      answered: answers.push,
      ended() {
        void kill().then(exit);
      },
    });
  }

  let machine = run();
  let place = await listen(options.port ?? 0, () => machine);

  function loaded(sessionId: string): Session {
    const session = machine.sessions.get(sessionId);
    if (!session?.loaded) throw new TypeError(`no session "${sessionId}" is loaded`);
    return session;
  }

  /** What was written last may not have reached the disk. */
  function loseTail(): void {
    const lost = faults.find((fault) => fault.fault === "lose-tail");
    if (lost?.fault !== "lose-tail") return;
    for (const stored of disk.sessions.values()) {
      stored.events.splice(Math.max(1, stored.events.length - lost.events));
      if (!stored.events.some(({ type }) => type === "user.message")) delete stored.title;
    }
  }

  async function kill(): Promise<void> {
    machine.die();
    loseTail();
    await place.close();
  }

  async function restart(): Promise<void> {
    const { port } = place;
    await kill();
    machine = run();
    place = await listen(port, () => machine).catch(() => listen(0, () => machine));
  }

  async function close(): Promise<void> {
    await kill();
    answers.end();
    exit();
  }

  return {
    get endpoint() {
      return `tcp://127.0.0.1:${place.port}`;
    },
    token,
    version: like,
    clock,
    streams() {
      const [up, down] = [new PassThrough(), new PassThrough()];
      machine.accept({ readable: up, writable: down }, { trusted: true });
      return { readable: down, writable: up };
    },
    get sessions() {
      return [...machine.sessions.values()].filter(({ loaded: is }) => is).map(({ id }) => id);
    },
    raise(sessionId, kind, data) {
      if (!isKind(kind)) throw new TypeError(`"${String(kind)}" is not a pending kind`);
      const session = loaded(sessionId);
      const id = session.around.random.uuid();
      raise(session, kind, { ...data }, id);
      return id;
    },
    script(sessionId, ...replies) {
      loaded(sessionId).script.push(
        ...replies.map((reply): Reply => ("text" in reply ? reply : { ask: reply.ask, data: { ...reply.data } })),
      );
    },
    revoke(sessionId, serverName) {
      for (const server of loaded(sessionId).servers.values())
        if (serverName === undefined || server.name === serverName) server.authorized = false;
    },
    get requests() {
      return [...machine.sessions.values()].flatMap((session) =>
        [...session.asked.values()].flatMap(({ id, kind, state }) =>
          state === "over" ? [] : [{ sessionId: session.id, requestId: id, kind, state }],
        ),
      );
    },
    answers: answers.stream,
    answered: answers.seen,
    trace: between.trace,
    handle(method, handler) {
      own.set(method, handler);
    },
    kill,
    restart,
    drop(connection) {
      for (const peer of [...machine.peers]) if (connection === undefined || peer.number === connection) peer.destroy();
    },
    exited,
    stop: close,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(port: number, machine: () => Machine): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server = createServer({ noDelay: true }, (socket) => {
    machine().accept({ readable: socket, writable: socket }, { trusted: false });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake runtime listens nowhere");
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        if (server.listening) server.close(() => resolve());
        else resolve();
      }),
  };
}
