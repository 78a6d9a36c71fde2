/** What the keeper needs beyond the public face. */

export { checkAnswer } from "./request.js";
export { isOvertaken, pendingTools } from "./session/asked.js";
export type { Attacher } from "./session/attach.js";
