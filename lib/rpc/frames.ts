import { isAscii, isUtf8 } from "node:buffer";

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
 * What lies inside one chunk is read in place; only a header or body that spans chunks is put together, and nothing else.
 */
export function createFrames(maxFrameBytes: number): Frames {
  let chunk: Buffer = nothing;
  let at = 0;
  /** What the whole chunk is, headers and all: then so is each body inside it. Unknown until it is asked for. */
  let encoding: Encoding | undefined;
  /** The bytes of an unfinished header or body, in a buffer that grows with what came, not with what was announced. */
  let held: Buffer = nothing;
  let heldBytes = 0;
  /** The length of the body being read; -1 while a header is. */
  let length = -1;

  /** Moves bytes of the chunk, up to `end`, to the held ones. */
  function keep(end: number): void {
    const needed = heldBytes + end - at;
    if (needed > held.length) {
      const enough = length < 0 ? 1024 : Math.min(Math.max(held.length * 4, 1024), length);
      const grown = Buffer.allocUnsafe(Math.max(needed, enough));
      held.copy(grown, 0, 0, heldBytes);
      held = grown;
    }
    heldBytes += chunk.copy(held, heldBytes, at, end);
    at = end;
  }

  function letGo(): void {
    held = nothing;
    heldBytes = 0;
  }

  /** Reads to the end of the header. False when it is not there yet. */
  function header(): boolean {
    if (heldBytes === 0) {
      const end = chunk.indexOf(separator, at);
      checkHeader(end, at, chunk.length);
      if (end < 0) return false;
      length = contentLength(chunk, at, end);
      at = end + separator.length;
    } else {
      const before = heldBytes;
      keep(Math.min(chunk.length, at + headerLimit + separator.length - heldBytes));
      const end = held.subarray(0, heldBytes).indexOf(separator, Math.max(0, before - separator.length));
      checkHeader(end, 0, heldBytes);
      if (end < 0) return false;
      length = contentLength(held, 0, end);
      at -= heldBytes - end - separator.length;
      letGo();
    }
    if (length > maxFrameBytes)
      throw new FrameError(`a frame of ${length} bytes, more than the limit of ${maxFrameBytes}`);
    return true;
  }

  return {
    push(next) {
      if (at < chunk.length) keep(chunk.length);
      chunk = next;
      at = 0;
      encoding = undefined;
    },
    next() {
      if (length < 0 && at < chunk.length && !header()) keep(chunk.length);
      let text: string | undefined;
      if (length >= 0) {
        const end = at + length - heldBytes;
        if (end > chunk.length) keep(chunk.length);
        else if (heldBytes > 0) {
          keep(end);
          text = decode(held, 0, length, encodingOf(held.subarray(0, length)));
          letGo();
        } else {
          encoding ??= encodingOf(chunk);
          text = decode(chunk, at, end, encoding);
          at = end;
        }
      }
      if (text !== undefined) length = -1;
      else if (at >= chunk.length) {
        chunk = nothing;
        at = 0;
      }
      return text;
    },
    partial: () => length >= 0 || heldBytes > 0 || at < chunk.length,
  };
}

function checkHeader(end: number, from: number, to: number): void {
  if (end < 0 ? to - from >= headerLimit + separator.length : end - from > headerLimit)
    throw new FrameError(`a header of more than ${headerLimit} bytes`);
}

/** `latin1` stands for plain ASCII, which is quickest to read as that. */
type Encoding = "latin1" | "utf8" | "unknown";

function encodingOf(bytes: Buffer): Encoding {
  if (isAscii(bytes)) return "latin1";
  return isUtf8(bytes) ? "utf8" : "unknown";
}

function decode(bytes: Buffer, from: number, to: number, encoding: Encoding): string {
  if (encoding === "latin1") return bytes.toString("latin1", from, to);
  // In a chunk that is UTF-8 as a whole, a body can still end in the middle of a character: then the next byte continues it.
  const cut = encoding === "utf8" && ((bytes[to] ?? 0) & 0xc0) === 0x80;
  if (cut || (encoding === "unknown" && !isUtf8(bytes.subarray(from, to))))
    throw new FrameError(`a frame of ${to - from} bytes that is not UTF-8`);
  return bytes.toString("utf8", from, to);
}

const usual = Buffer.from("Content-Length: ");

/** The runtime writes one header, always alike; any other goes the long way. */
function contentLength(bytes: Buffer, from: number, to: number): number {
  let at = 0;
  while (at < usual.length && bytes[from + at] === usual[at]) at++;
  const digits = to - from - at;
  if (at < usual.length || digits < 1 || digits > 15) return anyContentLength(bytes.toString("latin1", from, to));
  let length = 0;
  for (let index = from + at; index < to; index++) {
    const digit = (bytes[index] ?? 0) - 48;
    if (digit < 0 || digit > 9) return anyContentLength(bytes.toString("latin1", from, to));
    length = length * 10 + digit;
  }
  return length;
}

function anyContentLength(header: string): number {
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
