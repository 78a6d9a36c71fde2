import { randomBytes, randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { isCode } from "../../base/code.js";
import { LedgerError } from "../../base/errors.js";
import { distrust, followLinks, isUnsupported, makePrivate, syncFolder } from "../../base/private-file.js";
import { parseKey } from "./keys.js";

/**
 * The key beside a database, made on first use. Processes that open it at once get the same one: whoever makes it holds the
 * database's write lock.
 */
export function makeKeyFile(path: string): Uint8Array | undefined {
  const found = readKeyFile(path);
  if (found !== undefined) return found;
  try {
    create(path);
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    throw new LedgerError("WRONG_KEY", `no key file could be made at "${path}"; set LATCHKEY_KEY`, error);
  }
  return readKeyFile(path);
}

function create(path: string): void {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      if (!makePrivate(file))
        throw new LedgerError("WRONG_KEY", `the file system cannot keep "${path}" from others; set LATCHKEY_KEY`);
      writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    publish(draft, path);
    syncFolder(dirname(path));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The key appears whole or not at all, and never replaces another one. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (isCode(error, "EEXIST")) return;
    if (!isUnsupported(error)) throw error;
    // A file system without hard links. Nobody else makes a key now, by the database's lock.
    if (!existsSync(path)) renameSync(draft, path);
  }
}

/** The key beside a database; nothing when there is no such file. */
export function readKeyFile(path: string): Uint8Array | undefined {
  const found = followLinks(path);
  if ("link" in found) throw refused(path, `is reached by the link "${found.link}" of user ${found.uid}`);
  try {
    const file = openSync(found.path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const why = distrust(fstatSync(file));
      if (why !== undefined) throw refused(path, why);
      return parseKey(readFileSync(file, "utf8"), `the key file "${path}"`);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    if (error instanceof LedgerError) throw error;
    throw new LedgerError("WRONG_KEY", `the key file "${path}" holds no key that can be read`, error);
  }
}

const refused = (path: string, why: string): LedgerError =>
  new LedgerError("WRONG_KEY", `the key file "${path}" ${why}; it is not used`);
