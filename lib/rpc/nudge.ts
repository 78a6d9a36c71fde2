import { encodeFrame } from "./frames.js";

/**
 * The runtime leaves Nagle's algorithm on: the second of two frames that it writes in a row waits for our ACK, and the kernel
 * holds an ACK back for up to 40 ms. Any byte that we send carries it at once. So after a chunk that something is likely to
 * follow, one notification that means nothing is written: the cancellation of a request that never was.
 * Something is likely to follow an event, and any chunk while a response is owed. An idle connection sends none.
 */
export const nudgeFrame = encodeFrame({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: "latchkey:nudge" } });

/** A chunk of this length filled the read buffer and several segments: it was acknowledged, and more is there already. */
export const longestHeldBack = 65_536;
