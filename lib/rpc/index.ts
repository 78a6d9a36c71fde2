export {
  ConnectionError,
  type ConnectionErrorCode,
  LatchkeyError,
  RpcError,
  type RpcErrorCode,
} from "../base/errors.js";
export type { Capabilities, Capability } from "./capabilities.js";
export { type ConnectOptions, connect, type Target } from "./connect.js";
export type { CloseReason, Handler, Hello, Rpc, RpcEventMap, Session } from "./rpc.js";
export { findRuntime } from "./runtime/find.js";
export { checkMark, type MarkedState, markRuntime, type RuntimeMark } from "./runtime/mark.js";
export type { Runtime, StartOptions } from "./runtime/runtime.js";
export { startRuntime } from "./runtime/start.js";
