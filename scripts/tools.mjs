// Installs what only some tests and scripts need, apart from the package: scripts/<tool>/node_modules, from the lock file beside it.
//   node scripts/tools.mjs <tool> …
// Test files run beside each other and ask for the same tool: each installs into a folder of its own and moves it into place whole, so
// nobody runs a program that is still being written (ETXTBSY).
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const scripts = fileURLToPath(new URL(".", import.meta.url));

/** The folder of a tool, installed. */
export function tool(name) {
  const home = join(scripts, name);
  const target = join(home, "node_modules");
  if (!existsSync(target)) install(home, target);
  return home;
}

function install(home, target) {
  const scratch = mkdtempSync(join(home, "installing-"));
  try {
    for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(home, file), join(scratch, file));
    const { status, error } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: scratch,
      stdio: ["ignore", 2, 2],
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`npm ci for scripts/${home.slice(scripts.length)} ended with ${status}`);
    renameSync(join(scratch, "node_modules"), target);
  } catch (error) {
    // Another process was faster: what it has put there is as good.
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const name of process.argv.slice(2)) tool(name);
