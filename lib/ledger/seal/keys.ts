import { createHmac, hkdfSync } from "node:crypto";
import { checkPrincipal } from "../../base/principal.js";

/** A key as a host may hold it: 32 bytes, or their text in base64, base64url or hex. */
export type Key = string | Uint8Array;

export function parseKey(key: Key, origin: string): Uint8Array {
  const bytes = typeof key === "string" ? decode(key.trim()) : new Uint8Array(key);
  if (bytes?.length !== 32) throw new TypeError(`${origin} must be 32 bytes, as such or in base64, base64url or hex`);
  return bytes;
}

/**
 * The keys in a text, with blanks, line ends or commas between them: several while keys are rotated.
 * @throws TypeError when one of them is no key, or there is none.
 */
export const parseKeys = (text: string, origin: string): Uint8Array[] =>
  splitKeys(text).map((key) => parseKey(key, origin));

/** The texts of the keys in a text: see `parseKeys`. */
export const splitKeys = (text: string): string[] => text.trim().split(/[\s,]+/);

function decode(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  if (/^[\w+/-]{43}=?$/.test(text)) return Buffer.from(text, "base64");
  return undefined;
}

/** The key of one principal: HKDF with SHA-256 (RFC 5869), without salt, for a key is random already. */
export const principalKey = (key: Uint8Array, principal: string): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", key, new Uint8Array(), `latchkey principal\0${principal}`, 32));

/** Made from a principal's key, and of no other use. */
export const tagKey = (key: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", key, new Uint8Array(), "latchkey tag", 32));

/**
 * The key that a broker for one principal is given instead of the ledger's own, in base64url. From it nothing of the other can be told.
 * @throws TypeError when `key` is no key, or `principal` is blank or no text.
 * @example
 * ```ts
 * import { deriveKey, openLedger } from "latchkey/ledger";
 *
 * const key = deriveKey(process.env.LEDGER_KEY ?? "", "ada"); // for ada's broker
 * await using ledger = await openLedger("latchkey.db", { key, principal: "ada" });
 * ```
 */
export function deriveKey(key: Key, principal: string): string {
  if (checkPrincipal(principal) === undefined) throw new TypeError('"principal" is missing');
  return Buffer.from(principalKey(parseKey(key, '"key"'), principal)).toString("base64url");
}

/** Names a key without telling anything about it. The id of a principal's key names the ledger's key and the principal at once. */
export const keyId = (key: Uint8Array): string =>
  createHmac("sha256", key).update("latchkey key id").digest("base64url").slice(0, 16);
