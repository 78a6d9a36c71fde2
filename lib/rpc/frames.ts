import { isUtf8 } from "node:buffer";

/** What is wrong with the bytes. The text never quotes them. */
export class FrameError extends Error {}

export interface Frames {
  push(chunk: Buffer): void;
  /** The next whole body as text, or undefined when more bytes are needed. */
  next(): string | undefined;
  /** True in the middle of a frame. */
  partial(): boolean;
}

const headerLimit = 8192;
const separator = Buffer.from("\r\n\r\n");
const nothing = Buffer.alloc(0);

/**
 * Splits a byte stream into bodies by their `Content-Length` headers (the base protocol of the Language Server Protocol).
 * Bodies inside one chunk are read in place; only a body that spans chunks is put together, once, when its last byte is there.
 */
export function createFrames(maxFrameBytes: number): Frames {
  let chunk: Buffer = nothing;
  let at = 0;
  /** The bytes of an unfinished header or body, in a buffer that grows with what came, not with what was announced. */
  let held: Buffer = nothing;
  let heldBytes = 0;
  /** The length of the body being read; -1 while a header is. */
  let length = -1;

  /** Moves what is left of the chunk to the held bytes. */
  function keep(): undefined {
    const needed = heldBytes + chunk.length - at;
    if (needed > held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, held.length * 2, 4096));
      held.copy(grown, 0, 0, heldBytes);
      held = grown;
    }
    heldBytes += chunk.copy(held, heldBytes, at);
    at = chunk.length;
    return undefined;
  }

  /** Makes the held bytes, with the chunk behind them, the chunk being read. */
  function join(): void {
    if (heldBytes === 0) return;
    keep();
    chunk = held.subarray(0, heldBytes);
    at = 0;
    held = nothing;
    heldBytes = 0;
  }

  return {
    push(next) {
      if (at < chunk.length) keep();
      chunk = next;
      at = 0;
    },
    next() {
      if (length < 0) {
        if (at >= chunk.length) {
          chunk = nothing;
          at = 0;
          return undefined;
        }
        join();
        const end = chunk.indexOf(separator, at);
        if (end < 0 ? chunk.length - at >= headerLimit + separator.length : end - at > headerLimit)
          throw new FrameError(`a header of more than ${headerLimit} bytes`);
        if (end < 0) return keep();
        length = contentLength(chunk.toString("latin1", at, end));
        if (length > maxFrameBytes)
          throw new FrameError(`a frame of ${length} bytes, more than the limit of ${maxFrameBytes}`);
        at = end + separator.length;
      }
      if (heldBytes + chunk.length - at < length) return keep();
      join();
      const body = chunk.subarray(at, at + length);
      if (!isUtf8(body)) throw new FrameError(`a frame of ${length} bytes that is not UTF-8`);
      const text = chunk.toString("utf8", at, at + length);
      at += length;
      length = -1;
      return text;
    },
    partial: () => length >= 0 || heldBytes > 0 || at < chunk.length,
  };
}

const usual = /^Content-Length: (\d{1,15})$/;

function contentLength(header: string): number {
  const [, digits] = usual.exec(header) ?? [];
  if (digits !== undefined) return Number(digits);
  let length: number | undefined;
  for (const line of header.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new FrameError("a header line without a name");
    if (line.slice(0, colon).trim().toLowerCase() !== "content-length") continue;
    const value = line.slice(colon + 1).trim();
    if (!/^\d{1,15}$/.test(value)) throw new FrameError("a Content-Length that is not a number");
    if (length !== undefined && length !== Number(value)) throw new FrameError("two different Content-Lengths");
    length = Number(value);
  }
  if (length === undefined) throw new FrameError("a header without Content-Length");
  return length;
}

/** One message as the bytes of one write: header and body together, or the second part waits for an ACK. */
export function encodeFrame(message: object): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
