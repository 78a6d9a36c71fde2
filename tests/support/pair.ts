/** Fake peers: the far end of a connection, in memory or on a socket, that says exactly what a test wants said. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { PassThrough, type Readable, Writable } from "node:stream";
import { type ConnectOptions, connect, type Rpc } from "latchkey/rpc";
import type { Suite } from "./suite.js";

/** A message that the client wrote. */
export interface Sent {
  readonly jsonrpc: string;
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: unknown };
}

export interface Peer {
  /** Every message of the client so far, nudges left out. */
  readonly received: readonly Sent[];
  /** What the client wrote, one item a write (in memory) or a chunk (on a socket). */
  readonly writes: readonly Buffer[];
  readonly nudges: number;
  /** The next message that nobody has taken yet and that `wanted` accepts: a method, or "response". */
  next(wanted: string): Promise<Sent>;
  /** Sends messages as one chunk. */
  send(...messages: unknown[]): void;
  raw(bytes: string | Uint8Array): void;
  answer(request: Sent, result: unknown): void;
  refuse(request: Sent, error: unknown): void;
  /** Ends the peer's side in good order. */
  hangUp(): void;
  /** Tears the connection down. */
  destroy(error?: Error): void;
  /** Resolves when the client has ended its side. */
  readonly left: Promise<void>;
}

export const hello = { ok: true, protocolVersion: 3, version: "0.0.0-fake" };
export const nudgeId = "latchkey:nudge";

export function frame(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

export const sessionEvent = (sessionId: string, type: string, id: string, data: unknown = {}, more: object = {}) => ({
  jsonrpc: "2.0",
  method: "session.event",
  params: { sessionId, event: { type, id, timestamp: "2026-01-01T00:00:00.000Z", parentId: null, data, ...more } },
});

/** One turn of the event loop: what is on its way in memory has arrived after it. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}

function attend(inbound: Readable, outbound: Writable): Peer {
  const received: Sent[] = [];
  const untaken: Sent[] = [];
  const writes: Buffer[] = [];
  const takers: { wanted: string; resolve: (message: Sent) => void }[] = [];
  let nudges = 0;
  let held = Buffer.alloc(0);

  const matches = (message: Sent, wanted: string): boolean => (message.method ?? "response") === wanted;

  function take(message: Sent): void {
    if (message.params?.id === nudgeId) {
      nudges += 1;
      return;
    }
    received.push(message);
    const index = takers.findIndex(({ wanted }) => matches(message, wanted));
    if (index < 0) untaken.push(message);
    else takers.splice(index, 1)[0]?.resolve(message);
  }

  inbound.on("data", (chunk: Buffer) => {
    writes.push(chunk);
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/^Content-Length: (\d+)$/.exec(held.toString("latin1", 0, end))?.[1]);
      if (held.length < end + 4 + length) return;
      const body = held.toString("utf8", end + 4, end + 4 + length);
      held = held.subarray(end + 4 + length);
      take(JSON.parse(body));
    }
  });
  inbound.on("error", () => undefined);
  outbound.on("error", () => undefined);

  const raw = (bytes: string | Uint8Array): void => void outbound.write(bytes);
  return {
    received,
    writes,
    get nudges() {
      return nudges;
    },
    next(wanted) {
      const index = untaken.findIndex((message) => matches(message, wanted));
      const [found] = index < 0 ? [] : untaken.splice(index, 1);
      if (found) return Promise.resolve(found);
      return new Promise((resolve) => takers.push({ wanted, resolve }));
    },
    raw,
    send: (...messages) => raw(Buffer.concat(messages.map(frame))),
    answer: ({ id }, result) => raw(frame({ jsonrpc: "2.0", id, result })),
    refuse: ({ id }, error) => raw(frame({ jsonrpc: "2.0", id, error })),
    hangUp: () => void outbound.end(),
    destroy(error) {
      outbound.destroy(error);
      inbound.destroy();
    },
    left: new Promise((resolve) => {
      inbound.once("end", resolve);
      inbound.once("close", resolve);
    }),
  };
}

export interface MemoryTarget {
  readonly readable: PassThrough;
  readonly writable: Writable;
}

/** Two streams for `connect` and the peer at their far end. Each write of the client arrives as one item of `writes`. */
export function memoryPeer(): { target: MemoryTarget; peer: Peer } {
  const readable = new PassThrough();
  const arriving = new PassThrough({ readableObjectMode: false });
  const writable = new Writable({
    write(chunk: Buffer, _encoding, done) {
      arriving.write(chunk, () => done());
    },
    final(done) {
      arriving.end(done);
    },
    destroy(error, done) {
      arriving.end();
      done(error);
    },
  });
  return { target: { readable, writable }, peer: attend(arriving, readable) };
}

/** A connected client with a fake runtime in memory that has answered the handshake. */
export async function memoryPair(
  options: ConnectOptions = {},
): Promise<{ rpc: Rpc; peer: Peer; target: MemoryTarget }> {
  const { target, peer } = memoryPeer();
  const connecting = connect(target, options);
  peer.answer(await peer.next("connect"), hello);
  return { rpc: await connecting, peer, target };
}

/** A loopback server whose connections a test plays by hand. */
export interface PeerServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  accept(): Promise<Peer & { readonly socket: Socket }>;
}

export async function peerServer(): Promise<PeerServer> {
  const server: Server = createServer({ noDelay: true });
  const sockets = new Set<Socket>();
  const waiting: ((peer: Peer & { socket: Socket }) => void)[] = [];
  const arrived: (Peer & { socket: Socket })[] = [];
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    const peer = Object.create(attend(socket, socket), { socket: { value: socket } });
    const next = waiting.shift();
    if (next) next(peer);
    else arrived.push(peer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    endpoint: `tcp://127.0.0.1:${address.port}`,
    accept() {
      const peer = arrived.shift();
      return peer ? Promise.resolve(peer) : new Promise((resolve) => waiting.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A connected client with a fake runtime on a loopback socket that has answered the handshake. */
export async function socketPair(server: PeerServer, options: ConnectOptions = {}) {
  const connecting = connect(server.endpoint, options);
  const peer = await server.accept();
  peer.answer(await peer.next("connect"), hello);
  return { rpc: await connecting, peer };
}

/** Fails the suite's tests when a promise rejects and nobody listens. */
export function trapStrayRejections(test: Suite): void {
  const stray: unknown[] = [];
  const trap = (reason: unknown): void => void stray.push(reason);
  test.before(() => void process.on("unhandledRejection", trap));
  test.after.each(async () => {
    await turn();
    const [first] = stray.splice(0);
    if (first !== undefined) throw new Error("a promise rejected and nobody listened", { cause: first });
  });
  test.after(() => void process.off("unhandledRejection", trap));
}
