export { type Asked, type AskingEvent, readAsked } from "./asked.js";
export { type Attended, type AttendOptions, attend } from "./attend.js";
export { findBlocking } from "./busy.js";
export { type Hold, type HoldOptions, hold } from "./hold.js";
export { type Keeper, type KeeperEventMap, type KeepOptions, keepSessions } from "./keeper.js";
export { credentialKey, intentKey } from "./keys.js";
export type { CredentialParts, Kind } from "./kind.js";
export { type AnswerOf, type DataOf, isKind, type KindName, kinds, rowOf, type SecretsOf } from "./kinds.js";
export {
  handlePendingRequest,
  isPending,
  type PendingRequest,
  parsePendingRequest,
  pendingRequest,
  type RequestContext,
  wholeData,
} from "./request.js";
export { type Resumed, type ResumedSession, type ResumeLedger, type ResumeOptions, resume } from "./resume.js";
export { Secrets } from "./secrets.js";
