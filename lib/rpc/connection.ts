import type { Readable, Writable } from "node:stream";
import {
  type CancellationToken,
  CancellationTokenSource,
  createMessageConnection,
  type Disposable,
  Emitter,
  ErrorCodes,
  type MessageReader,
  type MessageWriter,
  ResponseError,
} from "vscode-jsonrpc/node";
import { ConnectionError } from "../base/errors.js";
import { until } from "../base/until.js";
import { createEvents } from "../events/index.js";
import type { ClientMethods, EventMap, EventType, RequestOptions, SessionLifecycle } from "../protocol/index.js";
import { askCapabilities, type Capabilities } from "./capabilities.js";
import { createNudge } from "./nudge.js";
import { createReader } from "./reader.js";
import { isResponseError, remoteError } from "./remote-error.js";
import type { CloseReason, Rpc, RpcEventMap } from "./rpc.js";
import { createSeen } from "./seen.js";
import { createSession, type SessionSlot } from "./session.js";
import { createWriter } from "./writer.js";

export interface Duplex {
  readonly readable: Readable;
  readonly writable: Writable;
}

export interface ConnectionOptions {
  endpoint: string;
  maxFrameBytes: number;
  /** Whether the peer's second frame waits for our ACK: only on TCP. */
  nudge: boolean;
}

/**
 * One connection: open -> over, once and for good. Whatever ends it, `end` is the only way out: it rejects every request
 * that is out and every later one with the same reason, ends waits and streams, and resolves `closed`.
 * vscode-jsonrpc carries requests and cancellation; disposing of it rejects what is out.
 */
export function createConnection({ readable, writable }: Duplex, options: ConnectionOptions): Omit<Rpc, "hello"> {
  const events = createEvents<RpcEventMap, EventType>();
  const sessions = new Map<string, SessionSlot>();
  const handlers = new Map<string, (params: unknown, context: { signal: AbortSignal }) => unknown>();
  const handling = new Set<AbortController>();
  const repeated = createSeen(1024);
  let close: (reason: CloseReason) => void = () => undefined;
  const closed = new Promise<CloseReason>((resolve) => {
    close = resolve;
  });
  let over: ConnectionError | undefined;

  /** The session of the last event. */
  let lastActive: string | undefined;

  const writer = createWriter(writable, { fail: end, crowded: (on) => reader.hold(on) });
  const reader = createReader(readable, options.maxFrameBytes, {
    event(sessionId, event) {
      const slot = sessions.get(sessionId);
      // One and the same string for all events of a session: what is kept of an event shall not keep its own.
      if (sessionId !== lastActive) lastActive = slot?.session.id ?? sessionId;
      if (event.id !== undefined && repeated(lastActive, event.id)) return;
      // The schemas' types describe what the runtime sends; an unknown type passes through as it came.
      const type = event.type as keyof EventMap;
      const known = event as EventMap[typeof type];
      slot?.source.emit(type, known);
      if (events.hears(type)) events.emit(type, { sessionId, event: known } as RpcEventMap[typeof type]);
    },
    notification(method, params) {
      if (method === "session.lifecycle" && isLifecycle(params))
        events.emit("session.lifecycle", { sessionId: params.sessionId, event: params }, { every: false });
      else events.emit("notification", { method, params }, { every: false });
      // The runtime announces a change of a session between two of its events.
      return isLifecycle(params) && params.sessionId === lastActive;
    },
    chunk: (bytes, more) => nudge?.read(bytes, more),
    end: (error) => end(error ?? new ConnectionError("CLOSED", "the peer closed the connection")),
  });
  /** Why the message that is being sent was not: vscode-jsonrpc keeps only the text. */
  let unsent: unknown;
  const written = Promise.resolve();
  const silent = new Emitter<never>();
  const rpcReader: MessageReader = {
    onError: silent.event,
    onClose: silent.event,
    onPartialMessage: silent.event,
    listen: (callback): Disposable => reader.listen(callback),
    dispose: () => reader.stop(),
  };
  const rpcWriter: MessageWriter = {
    onError: silent.event,
    onClose: silent.event,
    write(message) {
      try {
        if (isReply(message)) reader.answers(message.id);
        writer.write(message);
        nudge?.wrote();
        return written;
      } catch (error) {
        unsent = error;
        return Promise.reject(error);
      }
    },
    end: () => undefined,
    dispose: () => undefined,
  };
  // A finite parallelism makes responses settle as they are read instead of in a timer of their own.
  const connection = createMessageConnection(rpcReader, rpcWriter, undefined, {
    maxParallelism: Number.MAX_SAFE_INTEGER,
  });
  const nudge = options.nudge ? createNudge(writer.nudge, () => connection.hasPendingResponse()) : undefined;
  connection.onRequest(async (method, params, token) => {
    const handler = handlers.get(method);
    if (!handler) throw new ResponseError(ErrorCodes.MethodNotFound, `Unhandled method ${method}`);
    const abort = new AbortController();
    if (token.isCancellationRequested) abort.abort();
    const subscription = token.onCancellationRequested(() => abort.abort());
    handling.add(abort);
    try {
      return await handler(params, { signal: abort.signal });
    } finally {
      handling.delete(abort);
      subscription.dispose();
    }
  });
  connection.listen();

  function end(reason: ConnectionError): void {
    if (over) return;
    over = reason;
    connection.dispose();
    for (const abort of [...handling]) abort.abort(reason);
    const quietly = reason.code === "ENDED";
    for (const { source } of sessions.values()) source.end(reason, { quietly });
    events.end(reason, { quietly });
    if (quietly && "destroySoon" in writable && typeof writable.destroySoon === "function") writable.destroySoon();
    else if (quietly) writable.end();
    else writable.destroy();
    if (readable !== (writable as unknown)) readable.destroy();
    close({
      code: reason.code,
      message: reason.message,
      ...(reason.cause === undefined ? {} : { cause: reason.cause }),
    });
  }

  function request(method: string, params: object = {}, { signal, timeoutMs }: RequestOptions = {}): Promise<unknown> {
    if (over) return Promise.reject(over);
    if (typeof params !== "object" || params === null || Array.isArray(params))
      return Promise.reject(new TypeError(`${method}: "params" must be an object`));
    if (!signal && timeoutMs === undefined) return send(method, params);
    return until({ signal, timeoutMs }, (resolve, reject) => {
      const source = new CancellationTokenSource();
      let answered = false;
      send(method, params, source.token)
        .finally(() => {
          answered = true;
        })
        .then(resolve, reject);
      return () => {
        if (!answered && !over) source.cancel();
      };
    });
  }

  function send(method: string, params: object, token?: CancellationToken): Promise<unknown> {
    unsent = undefined;
    const answer = connection.sendRequest<unknown>(method, params, ...(token ? [token] : []));
    const cause = unsent;
    return answer.catch((error: unknown) => {
      if (cause !== undefined) throw new TypeError(`${method}: "params" cannot be written as JSON`, { cause });
      throw over ?? (isResponseError(error) ? remoteError(error, method, params) : error);
    });
  }

  let capabilities: Promise<Capabilities> | undefined;
  const rpc: Omit<Rpc, "hello"> = {
    endpoint: options.endpoint,
    events,
    closed,
    request: request as Rpc["request"],
    capabilities() {
      capabilities ??= askCapabilities((method) => request(method)).catch((error: unknown) => {
        capabilities = undefined;
        throw error;
      });
      return capabilities;
    },
    session(sessionId) {
      let slot = sessions.get(sessionId);
      if (!slot) {
        slot = createSession(rpc as Rpc, sessionId, request);
        if (over) slot.source.end(over, { quietly: over.code === "ENDED" });
        sessions.set(sessionId, slot);
      }
      return slot.session;
    },
    handle(method, handler) {
      if (handlers.has(method)) throw new TypeError(`"${method}" has a handler already`);
      const own = (params: unknown, context: { signal: AbortSignal }): unknown =>
        handler(params as ClientMethods[typeof method]["params"], context);
      handlers.set(method, own);
      const off = (): void => {
        if (handlers.get(method) === own) handlers.delete(method);
      };
      return Object.assign(off, { [Symbol.dispose]: off });
    },
    async close() {
      end(new ConnectionError("ENDED", "close() ended the connection"));
      await closed;
    },
    [Symbol.asyncDispose]: () => rpc.close(),
  };
  return rpc;
}

const isReply = (message: object): message is { id: string | number } => !("method" in message) && "id" in message;

function isLifecycle(params: unknown): params is SessionLifecycle {
  return typeof params === "object" && params !== null && "sessionId" in params && typeof params.sessionId === "string";
}
