import { encodeFrame } from "./frames.js";

/**
 * The runtime leaves Nagle's algorithm on: the second of two frames that it writes in a row waits for our ACK, and the kernel
 * holds an ACK back for up to 40 ms. Any byte that we send carries it at once. So after a chunk that something is likely to
 * follow, one notification that means nothing is written: the cancellation of a request that never was.
 *
 * Something is likely to follow an event, news of its session, a part of a frame, and any chunk while a response is owed:
 * nudged at once. What the last owed response made happen may follow it: nudged in the next turn, unless something was
 * written until then, such as the caller's next request. An idle connection sends none.
 */
export interface Nudge {
  /** A message of ours was written: its bytes carry the ACK. */
  wrote(): void;
  /** A chunk was read, of so many bytes; `more` when by itself it makes more likely. */
  read(bytes: number, more: boolean): void;
}

const frame = encodeFrame({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: "latchkey:nudge" } });

/** A chunk of this length filled the read buffer and several segments: it was acknowledged, and more is there already. */
const longestHeldBack = 65_536;

export function createNudge(write: (frame: string) => void, owed: () => boolean): Nudge {
  let owedBefore = false;
  let heldBack = false;
  let scheduled = false;

  function nudge(): void {
    heldBack = false;
    write(frame);
  }

  return {
    wrote() {
      heldBack = false;
      owedBefore = owed();
    },
    read(bytes, more) {
      const answered = owedBefore;
      owedBefore = owed();
      if (bytes >= longestHeldBack) return;
      if (more || owedBefore) nudge();
      else if (answered) {
        heldBack = true;
        if (scheduled) return;
        scheduled = true;
        setImmediate(() => {
          scheduled = false;
          if (heldBack) nudge();
        });
      }
    },
  };
}
