/** A client that is none: it writes what it is told to, and keeps what comes. The contract of a runtime is looked at through it. */
import { connect as dial, type Socket } from "node:net";
import { createFrames, encodeFrame } from "../../../lib/rpc/internal.js";

export type Data = Readonly<Record<string, unknown>>;

export interface WireEvent {
  readonly type: string;
  readonly id: string;
  readonly ephemeral?: boolean;
  readonly data: Data;
}

export interface Reply {
  readonly result?: Data | null;
  readonly error?: { readonly code: number; readonly message: string };
}

export interface Wire extends AsyncDisposable {
  /** Rejects with a `TimeoutError` when nothing is answered in so many milliseconds (8000). */
  call(method: string, params?: object, options?: { timeoutMs?: number }): Promise<Reply>;
  /** The result; an error is thrown. */
  ok(method: string, params?: object, options?: { timeoutMs?: number }): Promise<Data>;
  /** What the session's events were so far, of this type or all. */
  events(sessionId: string, type?: string): readonly WireEvent[];
  /** The n-th event of this type, counted from 1. */
  event(sessionId: string, type: string, n?: number): Promise<WireEvent>;
  /** Every message that is no response to a call and no event. */
  readonly others: readonly Data[];
  /** A message that `wanted` accepts, of those that came already or later. */
  other(wanted: (message: Data) => boolean): Promise<Data>;
  /** The next message that `wanted` accepts. */
  next(wanted: (message: Data) => boolean): Promise<Data>;
  raw(bytes: string): void;
  send(message: unknown): void;
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** Connects, and makes the handshake where there is a token. */
export async function openWire({ endpoint, token }: { endpoint: string; token?: string | undefined }): Promise<Wire> {
  const { hostname, port } = new URL(endpoint);
  const socket: Socket = dial({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const frames = createFrames(2 ** 27);
  const calls = new Map<number, (reply: Reply) => void>();
  const all: { sessionId: string; event: WireEvent }[] = [];
  const others: Data[] = [];
  const waiters = new Set<(message: Data) => void>();
  let last = 0;

  socket.on("data", (chunk: Buffer) => {
    frames.push(chunk);
    for (let body = frames.next(); body !== undefined; body = frames.next()) take(JSON.parse(body));
  });
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));

  function take(message: Data): void {
    if (message.method === "session.event") all.push(message.params as (typeof all)[number]);
    else if (message.method === undefined && typeof message.id === "number" && calls.has(message.id)) {
      calls.get(message.id)?.(message as Reply);
      calls.delete(message.id);
    } else others.push(message);
    for (const waiter of [...waiters]) waiter(message);
  }

  function waitFor<T>(what: string, timeoutMs: number, begin: (done: (value: T) => void) => () => void): Promise<T> {
    const waited = new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        end();
        reject(new DOMException(`no ${what} in ${timeoutMs} ms`, "TimeoutError"));
      }, timeoutMs).unref();
      const end = begin((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
    // A test that has failed by then hears of it no more.
    waited.catch(() => undefined);
    return waited;
  }

  const listen = <T>(what: string, find: (message: Data | undefined) => T | undefined): Promise<T> =>
    waitFor<T>(what, 8000, (done) => {
      const look = (message: Data | undefined): void => {
        const found = find(message);
        if (found === undefined) return;
        waiters.delete(look);
        done(found);
      };
      waiters.add(look);
      look(undefined);
      return () => waiters.delete(look);
    });

  const wire: Wire = {
    others,
    closed,
    call(method, params, { timeoutMs = 8000 } = {}) {
      last += 1;
      const id = last;
      return waitFor<Reply>(`answer to ${method}`, timeoutMs, (done) => {
        calls.set(id, done);
        wire.send({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
        return () => calls.delete(id);
      });
    },
    async ok(method, params, options) {
      const { result, error } = await wire.call(method, params, options);
      if (error) throw new Error(error.message);
      return result ?? {};
    },
    events: (sessionId, type) =>
      all.flatMap((each) =>
        each.sessionId === sessionId && (type === undefined || each.event.type === type) ? [each.event] : [],
      ),
    event: (sessionId, type, n = 1) => listen(`event ${type} (${n})`, () => wire.events(sessionId, type)[n - 1]),
    other: (wanted) => listen("message", () => others.find(wanted)),
    next: (wanted) => listen("message", (message) => (message && wanted(message) ? message : undefined)),
    raw(bytes) {
      socket.write(bytes);
    },
    send(message) {
      if (typeof message === "object" && message !== null) socket.write(encodeFrame(message));
    },
    async close() {
      socket.destroy();
      await closed;
    },
    [Symbol.asyncDispose]: () => wire.close(),
  };
  if (token !== undefined) await wire.ok("connect", { token });
  return wire;
}
