/** One run of the runtime, from its start to its end: its connections, its sessions, and the methods that are about neither one. */
import { timingSafeEqual } from "node:crypto";
import { isRecord } from "../base/record.js";
import { createCatalog, type Disk, type Method } from "./catalog.js";
import type { Clock } from "./clock.js";
import type { KindName } from "./kinds.js";
import { detach, discard } from "./lifecycle.js";
import type { Traits } from "./likeness.js";
import { sessionMethods } from "./methods.js";
import { type Between, createPeer, type Duplex, type Message, type Peer } from "./peer.js";
import type { Random } from "./random.js";
import { Refusal } from "./refusal.js";
import type { Session, Surroundings } from "./session.js";

type Params = Readonly<Record<string, unknown>>;

export interface Answered {
  /** The session that asked. */
  readonly sessionId: string;
  /** The request. */
  readonly requestId: string;
  /** Its kind. */
  readonly kind: KindName;
  /** The answer as it came. */
  readonly answer: unknown;
  /** What the fake said: `success`. */
  readonly accepted: boolean;
}

export interface MachineOptions {
  readonly traits: Traits;
  readonly disk: Disk;
  readonly random: Random;
  readonly clock: Clock;
  readonly token: string;
  readonly between: Between;
  /** Methods of a test's own, before those that the fake knows. */
  readonly own: ReadonlyMap<string, (params: Params) => unknown>;
  readonly accepts: Surroundings["accepts"];
  readonly asksEarly: boolean;
  readonly says: Surroundings["says"];
  answered(answer: Answered): void;
  /** It has ended by itself. */
  ended(): void;
}

export interface Machine {
  accept(duplex: Duplex, options: { trusted: boolean }): Peer;
  readonly peers: ReadonlySet<Peer>;
  readonly sessions: ReadonlyMap<string, Session>;
  /** Ends at once, as by SIGKILL. */
  die(): void;
}

/** What the older runtime does not know. */
const newerMethods: ReadonlySet<string> = new Set(["tools.listPendingRequests", "mcp.oauth.complete"]);

export function createMachine(options: MachineOptions): Machine {
  const { traits, disk, random, clock } = options;
  const peers = new Set<Peer>();
  /** Those that were let in when they came. */
  const seated = new Set<Peer>();
  let numbers = 0;
  let alive = true;
  let isShuttingDown = false;

  const around: Surroundings = {
    traits,
    random,
    clock,
    folder: disk.folder,
    accepts: options.accepts,
    asksEarly: options.asksEarly,
    answered: options.answered,
    says: options.says,
    soon(act) {
      setImmediate(() => {
        if (alive) act();
      });
    },
    broadcast(message) {
      for (const peer of peers) if (peer.entered) peer.send(message);
    },
  };

  const catalog = createCatalog(disk, around);
  const { sessions } = catalog;

  function loaded(method: string, params: Params): Session {
    const { sessionId } = params;
    if (typeof sessionId !== "string") throw new Error(`Missing sessionId in ${method} request`);
    const session = sessions.get(sessionId);
    if (!session?.loaded) throw new Error(`Session not found for sessionId: ${sessionId}`);
    return session;
  }

  function ping({ message }: Params): unknown {
    const timestamp = traits.newer ? {} : { timestamp: new Date(clock.now()).toISOString() };
    return { message: message === undefined ? "pong" : `pong: ${String(message)}`, ...timestamp, protocolVersion: 3 };
  }

  const methods: Readonly<Record<string, Method>> = {
    connect: enter,
    ping: (_, params) => ping(params),
    "status.get": () => ({ version: traits.version, protocolVersion: 3 }),
    "auth.getStatus": () => ({ isAuthenticated: false, statusMessage: "Not authenticated" }),
    "models.list": () => {
      throw new Error("Not authenticated. Please authenticate first.");
    },
    "tools.list": () => ({ tools: [] }),
    "runtime.shutdown": (_, __, after) => {
      isShuttingDown = !traits.shutsDown;
      if (traits.shutsDown) after(() => setImmediate(options.ended));
      return traits.shutsDown ? null : {};
    },
    ...catalog.methods,
  };

  /** The handshake. Only so many connections are let in at a time; one that comes when all are taken never gets its answer. */
  function enter(peer: Peer, { token }: Params): unknown {
    if (peer.trusted && token !== undefined) throw new Refusal(-32003, "AUTHENTICATION_NOT_CONFIGURED");
    if (!peer.trusted && !isSame(String(token), options.token)) throw new Refusal(-32002, "AUTHENTICATION_FAILED");
    peer.entered = true;
    const hello = { ok: true, protocolVersion: 3, version: traits.version, taskKinds: ["agent", "shell"] };
    return seated.has(peer) ? hello : new Promise(() => undefined);
  }

  function perform(peer: Peer, method: string, params: Params, after: (act: () => void) => void): unknown {
    const own = options.own.get(method);
    if (own) return own(params);
    const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (handler) return handler(peer, params, after);
    const name = method.startsWith("session.") ? method.slice("session.".length) : "";
    const ofSession = Object.hasOwn(sessionMethods, name) ? sessionMethods[name] : undefined;
    const isLacking = newerMethods.has(name) && !traits.newer;
    if (!ofSession || isLacking) throw new Refusal(-32601, `Unhandled method ${method}`);
    const session = loaded(method, params);
    return session.gate.shared(() => ofSession({ session, peer, params, after }));
  }

  function receive(peer: Peer, message: Message): void {
    const { id, method } = message;
    if (!alive || id === undefined || typeof method !== "string") return;
    const params = isRecord(message.params) ? message.params : {};
    const later: (() => void)[] = [];
    const respond = (body: Params): void => {
      peer.send({ jsonrpc: "2.0", id, ...body });
      for (const act of later) if (alive) act();
    };
    const refuse = (error: unknown): void => {
      later.length = 0;
      const text = error instanceof Error ? error.message : String(error);
      const code = error instanceof Refusal ? error.code : -32603;
      respond({
        error: { code, message: error instanceof Refusal ? text : `Request ${method} failed with message: ${text}` },
      });
    };
    try {
      if (isShuttingDown) throw new Refusal(-32000, "SERVER_SHUTTING_DOWN");
      if (!peer.entered && method !== "connect") throw new Refusal(-32001, "AUTHENTICATION_REQUIRED");
      const result = perform(peer, method, params, (act) => later.push(act));
      if (result instanceof Promise) result.then((value: unknown) => respond({ result: value }), refuse);
      else respond({ result });
    } catch (error) {
      refuse(error);
    }
  }

  function gone(peer: Peer): void {
    peers.delete(peer);
    if (!alive) return;
    seated.delete(peer);
    for (const session of sessions.values()) if (session.loaded) detach(session, peer);
  }

  return {
    peers,
    sessions,
    accept(duplex, { trusted }) {
      numbers += 1;
      const peer = createPeer(duplex, { number: numbers, trusted, traits, between: options.between, receive, gone });
      peers.add(peer);
      if (seated.size < traits.connections) seated.add(peer);
      return peer;
    },
    die() {
      if (!alive) return;
      alive = false;
      for (const session of sessions.values()) if (session.loaded) discard(session);
      for (const peer of [...peers]) peer.destroy();
    },
  };
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
