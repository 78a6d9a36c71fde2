import { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { DataCallback, Message } from "vscode-jsonrpc/node";
import { ConnectionError, ValidationError } from "../base/errors.js";
import { isDeeper } from "./depth.js";
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
 * event loop; then the caller has run up to its next await, as if each frame had come alone. What follows a request waits one turn as
 * well: vscode-jsonrpc takes up one a turn, and would queue whatever comes faster. Nothing else waits, but for `hold`.
 */
export function createReader(readable: Readable, maxFrameBytes: number, hooks: ReaderHooks) {
  const frames = createFrames(maxFrameBytes);
  // A socket's chunks come in turns of their own; other streams may hand over several in one.
  const turnPerChunk = readable instanceof Socket;
  let deliver: DataCallback | undefined;
  let answered = false;
  let waiting = false;
  let held = false;
  /** The peer's own requests that it has no reply to yet. */
  const unanswered = new Set<string | number>();
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
    // vscode-jsonrpc would remember the cancellation of what it does not know.
    else if (inbound.kind !== "cancellation" || unanswered.has(inbound.id)) {
      if (inbound.kind === "request" && inbound.id !== null) unanswered.add(inbound.id);
      deliver?.(inbound.message as Message);
    }
  }

  /** Lets the event loop turn before what follows is read. */
  function wait(): void {
    waiting = true;
    readable.pause();
    setImmediate(() => {
      waiting = false;
      answered = false;
      goOn();
    });
  }

  function goOn(): void {
    if (waiting || held || over) return;
    readable.resume();
    pump();
  }

  /** Does it at once, or in the next turn when a response's caller has to come first. */
  function inTurn(act: () => void): void {
    if (!answered) {
      act();
      return;
    }
    heldBack = act;
    wait();
  }

  function pump(): void {
    try {
      while (!over && !waiting && !held) {
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
        } else if (inbound.kind === "request") {
          inTurn(() => {
            dispatch(inbound);
            wait();
          });
        } else if (answered) inTurn(() => dispatch(inbound));
        else dispatch(inbound);
      }
    } catch (error) {
      const reason = protocolError(error);
      inTurn(() => finish(reason));
    }
    if (over || waiting || held) return;
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
    if (!waiting && !held) pump();
  }

  const onEnd = (): void => {
    ended = true;
    if (!waiting && !held) pump();
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
    /** A reply to the peer's request is written. */
    answers(id: string | number) {
      unanswered.delete(id);
    },
    /** Reads nothing more until it is let go: the peer does not read what it asked for. */
    hold(on: boolean) {
      held = on;
      if (on) readable.pause();
      else goOn();
    },
    stop() {
      over = true;
      readable.off("data", onData);
    },
  };
}

const maxLevels = 100_000;

function parse(body: string): unknown {
  if (isDeeper(body, maxLevels)) throw new FrameError(`a frame that is nested deeper than ${maxLevels} levels`);
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
