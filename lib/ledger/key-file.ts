import { randomBytes, randomUUID } from "node:crypto";
import { link, open, readFile, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { LedgerError } from "../errors.js";
import { parseKey } from "./keys.js";

/** The key beside a database, made on first use. Processes that open it at once get the same one. */
export async function keyFile(path: string, make: boolean): Promise<Uint8Array | undefined> {
  const found = await read(path);
  if (found !== undefined || !make) return found;
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(`${randomBytes(32).toString("base64url")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // A link appears whole or not at all, and never replaces another process's key.
    await link(draft, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
  return await read(path);
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    return parseKey(await readFile(path, "utf8"), `the key file "${path}"`);
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw new LedgerError("WRONG_KEY", `the key file "${path}" holds no key that can be read`, error);
  }
}

/** The name of a new file is on disk only when its directory is. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
