import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The files below `dir`, as paths relative to `base`, sorted; none when it does not exist. */
export async function walk(base, dir = ".") {
  const found = [];
  for (const entry of await list(join(base, dir))) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...(await walk(base, path)));
    else found.push(path);
  }
  return found.sort();
}

export async function readTree(dir) {
  const files = new Map();
  for (const path of await walk(dir)) files.set(path, await readFile(join(dir, path)));
  return files;
}

/** Makes `dir` hold exactly `files` (path -> bytes). An unchanged file is not touched, a changed one appears at once. */
export async function syncTree(dir, files) {
  const temporary = `.${randomUUID()}.tmp`;
  for (const [path, contents] of files) {
    const target = join(dir, path);
    const present = await readFile(target).catch(() => undefined);
    if (present && Buffer.compare(present, contents) === 0) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target + temporary, contents);
    await rename(target + temporary, target);
  }
  for (const path of await walk(dir)) {
    if (files.has(path) || path.endsWith(".tmp")) continue;
    await rm(join(dir, path), { force: true });
    await removeIfEmpty(dirname(join(dir, path)), dir);
  }
}

async function removeIfEmpty(dir, stop) {
  if (dir === stop || (await list(dir)).length > 0) return;
  await rmdir(dir).catch(() => undefined);
  await removeIfEmpty(dirname(dir), stop);
}

async function list(dir) {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}
