import type { Writable } from "node:stream";
import { ConnectionError } from "../errors.js";
import { encodeFrame } from "./frames.js";

/** Writes each message as one write. A failed write ends the connection: what came after it is not known to the peer. */
export function createWriter(writable: Writable, fail: (error: ConnectionError) => void) {
  writable.on("error", (error) => fail(new ConnectionError("DESTROYED", "a write failed", error)));
  return {
    write(message: object): Promise<void> {
      if (writable.destroyed || writable.writableEnded)
        return Promise.reject(new ConnectionError("DESTROYED", "the stream takes no more writes"));
      writable.write(encodeFrame(message));
      return Promise.resolve();
    },
    raw(frame: string): void {
      if (!writable.destroyed && !writable.writableEnded) writable.write(frame);
    },
  };
}
