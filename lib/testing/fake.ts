import { PassThrough } from "node:stream";
import { createAnswers } from "./answers.js";
import { raise } from "./asking.js";
import type { Disk } from "./catalog.js";
import { realClock } from "./clock.js";
import { createFaultyWire, placeFault } from "./faults.js";
import { isKind } from "./kinds.js";
import { likenesses, traits as traitsOf } from "./likeness.js";
import { listen } from "./listener.js";
import { createMachine, type Machine } from "./machine.js";
import type { Duplex } from "./peer.js";
import { createRandom } from "./random.js";
import type { FakeAnswer, FakeOptions, FakeReply, FakeRuntime } from "./runtime.js";
import type { Reply, Session } from "./session.js";

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
      says({ id: sessionId, modelUrl }) {
        const reply = options.model?.({ sessionId, modelUrl });
        return reply && wordsOf(reply);
      },
      ended() {
        void kill().then(exit);
      },
    });
  }

  let machine = run();
  const accept = (duplex: Duplex): void => void machine.accept(duplex, { trusted: false });
  let place = await listen(options.port ?? 0, accept);

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
    place = await listen(port, accept).catch(() => listen(0, accept));
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
      loaded(sessionId).script.push(...replies.map(wordsOf));
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

/** A reply as the session keeps it. */
const wordsOf = (reply: FakeReply): Reply => ("text" in reply ? reply : { ask: reply.ask, data: { ...reply.data } });
