export { LatchkeyError } from "../base/errors.js";
export {
  createEvents,
  type EventSource,
  type Events,
  type ListenerError,
  type Off,
  type WaitOptions,
} from "./emitter.js";
export { type Interest, registerInterest } from "./interest.js";
export { type Followed, type FollowOptions, follow, type Gap } from "./log/follow.js";
export type { StreamOptions } from "./stream.js";
