import { maxDepth, refuseDeep } from "../base/check.js";

const longest = 64 * 1024;

/**
 * A value of the broker's own as the ledger keeps it, under seal.
 * @throws TypeError when it is no JSON, or too deep or too long.
 */
export function jsonOf(value: unknown, name: string): unknown {
  let json: string | undefined;
  try {
    refuseDeep(value, name);
    json = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`a ${name} holds JSON, at most ${maxDepth} levels deep`, { cause });
  }
  if (json === undefined) throw new TypeError(`a ${name} holds JSON`);
  const size = Buffer.byteLength(json);
  if (size > longest) throw new TypeError(`a ${name} holds ${longest} bytes at most; this is ${size}`);
  return JSON.parse(json);
}
