/**
 * The thin core: everything but the ledger.
 * @module latchkey
 */
export * from "./base/errors.js";
export * from "./events/index.js";
export * from "./pending/index.js";
export * from "./protocol/index.js";
export * from "./rpc/index.js";
