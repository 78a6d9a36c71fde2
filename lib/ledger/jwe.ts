/** What the ledger uses of jose, apart, so that it is loaded late and a bundler still drops the rest. */
export { CompactEncrypt, compactDecrypt } from "jose";
