import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { isCode, syncDirectory } from "../seal/key-file.js";

/** The file exists with its mode before SQLite opens it; the journal files inherit that mode. */
export function reserve(path: string): void {
  if (restrict(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(path, "wx", 0o600));
    syncDirectory(dirname(path));
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
  restrict(path);
}

/** False when there is no such file. */
function restrict(path: string): boolean {
  try {
    chmodSync(path, 0o600);
    return true;
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
    return false;
  }
}
