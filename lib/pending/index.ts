export { type Hold, type HoldOptions, hold } from "./hold.js";
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
export { Secrets } from "./secrets.js";
