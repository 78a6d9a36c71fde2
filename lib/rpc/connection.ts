import type { Readable, Writable } from "node:stream";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import { ConnectionError } from "../base/errors.js";
import { isRecord } from "../base/record.js";
import { traced } from "../base/tracing.js";
import { until } from "../base/until.js";
import { createEvents } from "../events/index.js";
import type { EventType, RequestOptions } from "../protocol/index.js";
import { askCapabilities, type Capabilities } from "./capabilities.js";
import { createDispatch } from "./dispatch.js";
import { Handlers } from "./handlers.js";
import { createNudge } from "./nudge.js";
import { createReader } from "./reader.js";
import { isResponseError, remoteError } from "./remote-error.js";
import type { CloseReason, Rpc, RpcEventMap } from "./rpc.js";
import { createSession, type SessionSlot } from "./session.js";
import { createTransport } from "./transport.js";
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
 * One connection. It has two states: open, and over, once and for good. Whatever ends it, `end` is the only way out: it rejects every
 * request that is out and every later one with the same reason, ends waits and streams, and resolves `closed`.
 */
export function createConnection({ readable, writable }: Duplex, options: ConnectionOptions): Omit<Rpc, "hello"> {
  const events = createEvents<RpcEventMap, EventType>();
  const sessions = new Map<string, SessionSlot>();
  const handlers = new Handlers();
  let close: (reason: CloseReason) => void = () => undefined;
  const closed = new Promise<CloseReason>((resolve) => {
    close = resolve;
  });
  /** Why it is over. */
  let over: ConnectionError | undefined;

  const writer = createWriter(writable, { fail: end, crowded: (on) => reader.hold(on) });
  const reader = createReader(readable, options.maxFrameBytes, {
    ...createDispatch(sessions, events),
    chunk: (bytes, more) => nudge?.read(bytes, more),
    end: (error) => end(error ?? new ConnectionError("CLOSED", "the peer closed the connection")),
  });
  const transport = createTransport({
    reader,
    writer,
    wrote: () => nudge?.wrote(),
    errorOf: (error, { method, params }) =>
      over ?? (isResponseError(error) ? remoteError(error, method, params) : error),
  });
  const nudge = options.nudge ? createNudge(writer.nudge, () => transport.hasPendingResponse()) : undefined;
  transport.onRequest((method, params, token) => handlers.run(method, params, token));
  transport.listen();

  function end(reason: ConnectionError): void {
    if (over) return;
    over = reason;
    transport.dispose();
    handlers.abort(reason);
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

  function request(method: string, params: object = {}, limits?: RequestOptions): Promise<unknown> {
    return traced(
      "request",
      () => ({ endpoint: options.endpoint, method, ...idsIn(params) }),
      () => send(method, params, limits),
      () => undefined,
    );
  }

  function send(method: string, params: object, { signal, timeoutMs }: RequestOptions = {}): Promise<unknown> {
    if (over) return Promise.reject(over);
    if (typeof params !== "object" || params === null || Array.isArray(params))
      return Promise.reject(new TypeError(`${method}: "params" must be an object`));
    if (!signal && timeoutMs === undefined) return transport.send(method, params);
    return until({ signal, timeoutMs }, (resolve, reject) => {
      const source = new CancellationTokenSource();
      let answered = false;
      transport
        .send(method, params, source.token)
        .finally(() => {
          answered = true;
        })
        .then(resolve, reject);
      return () => {
        if (!answered && !over) source.cancel();
      };
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
    handle: (method, handler) => handlers.add(method, handler),
    async close() {
      end(new ConnectionError("ENDED", "close() ended the connection"));
      await closed;
    },
    [Symbol.asyncDispose]: () => rpc.close(),
  };
  return rpc;
}

/** The ids that params name: a trace says no more of them. */
function idsIn(params: unknown): { sessionId?: string; requestId?: string } {
  if (!isRecord(params)) return {};
  const { sessionId, requestId } = params;
  return { ...(typeof sessionId === "string" && { sessionId }), ...(typeof requestId === "string" && { requestId }) };
}
