import type { Writable } from "node:stream";
import { ConnectionError } from "../base/errors.js";
import { encodeFrame } from "./frames.js";

/** What the operating system says of a write whose reader is gone. */
const gone = new Set<unknown>(["EPIPE", "ECONNRESET"]);
/** How many turns of the event loop the reader may go on with what came before the connection is over. */
const graceTurns = 10;
/** How many characters of replies may wait for a peer that does not read. */
const maxUnread = 2 ** 20;

/**
 * Writes each message as one write. A failed write ends the connection: what came after it is not known to the peer. While the peer leaves
 * too many of its replies unread, `crowded` says so: then no more of its requests are to be taken. Our own requests never count.
 */
export function createWriter(
  writable: Writable,
  { fail, crowded }: { fail: (error: ConnectionError) => void; crowded: (on: boolean) => void },
) {
  let unread = 0;
  const open = (): boolean => !writable.destroyed && !writable.writableEnded;

  writable.on("error", (error) =>
    fail(
      "code" in error && gone.has(error.code)
        ? new ConnectionError("CLOSED", "the connection broke", error)
        : new ConnectionError("DESTROYED", "a write failed", error),
    ),
  );

  /**
   * Without an error of its own the stream was closed by the death of the child whose stdin it is: Node closes it then, before
   * or after stdout ends (a grandchild may hold that open for long). For a few turns the reader goes on with what was answered.
   */
  function closeAfter(turns: number): void {
    if (turns > 0) setImmediate(() => closeAfter(turns - 1));
    else if (writable.writableEnded)
      fail(new ConnectionError("DESTROYED", "the stream was ended and takes no more writes"));
    else fail(new ConnectionError("CLOSED", "the stream that is written to was closed"));
  }

  // Ended in good order it says nothing: the peer may still answer what it got.
  writable.on("close", () => {
    if (!writable.writableFinished) closeAfter(graceTurns);
  });

  function reply(frame: string): void {
    const before = unread;
    unread += frame.length;
    if (before <= maxUnread && unread > maxUnread) crowded(true);
    writable.write(frame, () => {
      const full = unread;
      unread -= frame.length;
      if (full > maxUnread && unread <= maxUnread) crowded(false);
    });
  }

  return {
    /** @throws TypeError when the message is not JSON. */
    write(message: object): void {
      const frame = encodeFrame(message);
      if (!open()) closeAfter(graceTurns);
      else if ("method" in message) writable.write(frame);
      else reply(frame);
    },
    /** Left out when something waits to be written already. */
    nudge(frame: string): void {
      if (open() && writable.writableLength === 0) writable.write(frame);
    },
  };
}
