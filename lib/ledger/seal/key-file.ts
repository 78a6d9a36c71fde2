import { randomBytes, randomUUID } from "node:crypto";
import { closeSync, fchmodSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { LedgerError } from "../../base/errors.js";
import { parseKey } from "./keys.js";

/** The key beside a database, made on first use. Processes that open it at once get the same one. */
export function keyFile(path: string, make: boolean): Uint8Array | undefined {
  const found = read(path);
  if (found !== undefined || !make) return found;
  const draft = `${path}.${randomUUID()}`;
  const file = openSync(draft, "wx", 0o600);
  try {
    fchmodSync(file, 0o600);
    writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    // A link appears whole or not at all, and never replaces another process's key.
    linkSync(draft, path);
    syncDirectory(dirname(path));
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
  return read(path);
}

function read(path: string): Uint8Array | undefined {
  try {
    return parseKey(readFileSync(path, "utf8"), `the key file "${path}"`);
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw new LedgerError("WRONG_KEY", `the key file "${path}" holds no key that can be read`, error);
  }
}

/** The name of a new file is on disk only when its directory is. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
