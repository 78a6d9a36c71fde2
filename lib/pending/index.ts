export { type Answerable, type Answerer, type Checked, type HandleOptions, handlePendingRequest } from "./answer.js";
export { credentialKey, intentKey } from "./identity.js";
export type {
  Activity,
  Actor,
  CredentialParts,
  Kind,
  Rules,
  Seed,
  Shape,
  TextAnswer,
  TextOptions,
} from "./kinds/kind.js";
export { type AnswerOf, type DataOf, isKind, type KindName, kinds, rowOf, type SecretsOf } from "./kinds/table.js";
export {
  isPending,
  type PendingRequest,
  parsePendingRequest,
  pendingRequest,
  type RequestContext,
  summaryOf,
  wholeData,
} from "./request.js";
export { Secrets } from "./secrets.js";
export { type Asked, type AskingEvent, readAsked } from "./session/asked.js";
export { type Attended, type AttendOptions, attend } from "./session/attend.js";
export { findBlocking } from "./session/busy.js";
export { type Hold, type HoldOptions, hold } from "./session/hold.js";
export { type Resumed, type ResumedSession, type ResumeLedger, type ResumeOptions, resume } from "./session/resume.js";
export {
  type BeginRuntimeLoginOptions,
  type LoginRpc,
  type RuntimeLogin,
  runtimeLogin,
} from "./session/runtime-login.js";
