import { chmod, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { isCode, syncDirectory } from "./key-file.js";

/** The file exists with its mode before SQLite opens it; the journal files inherit that mode. */
export async function reserve(path: string): Promise<void> {
  if (await restrict(path)) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(path, "wx", 0o600);
    await file.close();
    await syncDirectory(dirname(path));
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
  await restrict(path);
}

/** False when there is no such file. */
async function restrict(path: string): Promise<boolean> {
  try {
    await chmod(path, 0o600);
    return true;
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
    return false;
  }
}
