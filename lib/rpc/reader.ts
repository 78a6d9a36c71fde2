import { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { DataCallback, Message } from "vscode-jsonrpc/node";
import { ConnectionError, ValidationError } from "../base/errors.js";
import { type Inbound, readEnvelope } from "./envelope.js";
import { createFrames, FrameError } from "./frames.js";

export interface ReaderHooks {
  event(sessionId: string, event: Extract<Inbound, { kind: "event" }>["event"]): void;
  /** Returns whether an event is likely to follow. */
  notification(method: string, params: unknown): boolean;
  /** After each chunk: its length, and whether more is likely to follow: it held an event, or ended inside a frame. */
  chunk(bytes: number, more: boolean): void;
  /** The stream is over, or what came was not the protocol. Called once. */
  end(error: ConnectionError | undefined): void;
}

/**
 * Reads frames and hands them on in wire order: events and notifications straight to the hooks, the rest to
 * vscode-jsonrpc. A response reaches its caller in a microtask, so what follows it in the same chunk waits one turn of the
 * event loop; then the caller has run up to its next await, as if each frame had come alone. Nothing else waits.
 */
export function createReader(readable: Readable, maxFrameBytes: number, hooks: ReaderHooks) {
  const frames = createFrames(maxFrameBytes);
  // A socket's chunks come in turns of their own; other streams may hand over several in one.
  const turnPerChunk = readable instanceof Socket;
  let deliver: DataCallback | undefined;
  let answered = false;
  let waiting = false;
  let over = false;
  let ended = false;
  let heldBack: (() => void) | undefined;
  let more = false;
  let chunkBytes = 0;

  function finish(error: ConnectionError | undefined): void {
    if (over) return;
    over = true;
    readable.off("data", onData);
    hooks.end(error);
  }

  function dispatch(inbound: Inbound): void {
    if (inbound.kind === "event") {
      more = true;
      hooks.event(inbound.sessionId, inbound.event);
    } else if (inbound.kind === "notification") more = hooks.notification(inbound.method, inbound.params) || more;
    else deliver?.(inbound.message as Message);
  }

  /** Does it at once, or in the next turn when a response's caller has to come first. */
  function inTurn(act: () => void): void {
    if (!answered) {
      act();
      return;
    }
    heldBack = act;
    waiting = true;
    readable.pause();
    setImmediate(() => {
      waiting = false;
      answered = false;
      readable.resume();
      pump();
    });
  }

  function pump(): void {
    try {
      while (!over && !waiting) {
        if (heldBack) {
          const act = heldBack;
          heldBack = undefined;
          act();
          continue;
        }
        const body = frames.next();
        if (body === undefined) break;
        const inbound = readEnvelope(parse(body));
        if (inbound.kind === "response") {
          if (inbound.id === null)
            throw new FrameError("an error without an id: the peer could not read a frame of ours");
          answered = true;
          dispatch(inbound);
        } else if (answered) inTurn(() => dispatch(inbound));
        else dispatch(inbound);
      }
    } catch (error) {
      const reason = protocolError(error);
      inTurn(() => finish(reason));
    }
    if (over || waiting) return;
    if (ended) {
      const rest = frames.partial();
      inTurn(() => finish(rest ? protocolError(new FrameError("the stream ended inside a frame")) : undefined));
    } else {
      hooks.chunk(chunkBytes, more || frames.partial());
      more = false;
    }
  }

  function onData(chunk: Buffer | string): void {
    if (turnPerChunk) answered = false;
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    chunkBytes = bytes.length;
    frames.push(bytes);
    if (!waiting) pump();
  }

  const onEnd = (): void => {
    ended = true;
    if (!waiting) pump();
  };

  return {
    listen(callback: DataCallback) {
      deliver = callback;
      readable.on("data", onData);
      readable.once("end", onEnd);
      readable.once("close", onEnd);
      readable.on("error", (error) => {
        finish(new ConnectionError("CLOSED", "the connection broke", error));
      });
      return { dispose: () => finish(undefined) };
    },
    stop() {
      over = true;
      readable.off("data", onData);
    },
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's own error quotes the text, which may be secret.
    throw new FrameError(`a frame of ${body.length} characters that is not JSON`);
  }
}

function protocolError(error: unknown): ConnectionError {
  if (error instanceof FrameError || error instanceof ValidationError)
    return new ConnectionError("PROTOCOL", `the peer sent ${error.message}`, error);
  return new ConnectionError("DESTROYED", "a frame could not be delivered", error);
}
