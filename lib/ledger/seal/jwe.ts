/**
 * What the ledger uses of jose, apart, so that it is loaded late. By its own files: the whole of it takes twice the time, which is more
 * than the rest of opening a ledger.
 */
export { compactDecrypt } from "jose/jwe/compact/decrypt";
export { CompactEncrypt } from "jose/jwe/compact/encrypt";
