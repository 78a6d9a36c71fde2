/** What the fake runtime shares with the client: the frames of the wire. */
export { createFrames, encodeFrame } from "./frames.js";
