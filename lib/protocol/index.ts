export type { EventMap, EventType, SessionEvent, SessionLifecycle, UnknownEvent } from "./events.js";
export type * from "./generated.js";
export { schemaVersion } from "./generated.js";
export type * from "./methods.js";
export type * from "./newer.js";
export type * from "./session-calls.js";
export { protocolWindow, testedVersions } from "./version.js";
