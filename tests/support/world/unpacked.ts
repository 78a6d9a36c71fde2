import { mkdir, mkdtemp, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startRuntime } from "latchkey/rpc";
import type { RuntimeUnderTest } from "./runtimes.js";

const packages = ".cache/copilot/pkg";

/**
 * The command line program unpacks itself into each new home: two seconds and 200 MB. It finds there a link to what it has unpacked
 * once for all homes and only reads from then on.
 */
export async function linkUnpacked(under: RuntimeUnderTest, home: string): Promise<void> {
  const cache = under.unpacksInto;
  if (cache === undefined) return;
  const { size, mtimeMs } = await stat(under.path);
  const unpacked = join(cache, `${under.name}-${size}-${Math.round(mtimeMs)}`);
  if (!(await isThere(unpacked))) await unpack(under, cache, unpacked);
  await mkdir(dirname(join(home, packages)), { recursive: true });
  await symlink(unpacked, join(home, packages));
}

async function unpack(under: RuntimeUnderTest, cache: string, target: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, "unpacking-"));
  try {
    const runtime = await startRuntime({ path: under.path, home: scratch, cwd: scratch });
    await runtime.stop();
    await rename(join(scratch, packages), target);
  } catch (error) {
    // Another process was faster: what it has put there is as good.
    if (!(await isThere(target))) throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
