export { LatchkeyError } from "../errors.js";
export {
  createEvents,
  type EventSource,
  type Events,
  type ListenerError,
  type Off,
  type WaitOptions,
} from "./emitter.js";
export { type Followed, type FollowOptions, follow, type Gap } from "./follow.js";
export { type Interest, registerInterest } from "./interest.js";
export { overrun, pageMax } from "./overrun.js";
export { isReloaded } from "./reload.js";
export type { StreamOptions } from "./stream.js";
export { pause, type UntilOptions, until } from "./until.js";
