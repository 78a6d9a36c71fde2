export { ConnectionError, type ConnectionErrorCode, LatchkeyError, RpcError, type RpcErrorCode } from "../errors.js";
export { type ConnectOptions, connect, type Target } from "./connect.js";
export type { CloseReason, Handler, Rpc, RpcEventMap } from "./rpc.js";
export { type Runtime, type StartOptions, startRuntime } from "./runtime.js";
export { checkMark, type MarkedState, markRuntime, type RuntimeMark } from "./runtime-mark.js";
export { findRuntime } from "./runtime-path.js";
export type { Session } from "./session.js";
