/** What the keeper needs beyond the public face. */
export type { Attacher } from "./session/attach.js";
