import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { ConnectionError } from "../../base/errors.js";

const cli = "@github/copilot";
const sdk = "@github/copilot-sdk";
const exe = process.platform === "win32" ? ".exe" : "";

/** `linux-x64`, `linuxmusl-arm64`, `darwin-arm64`, ...: how the packages with the runtime's program are named. */
const platforms = (process.platform === "linux" ? ["linux", "linuxmusl"] : [process.platform]).map(
  (name) => `${name}-${process.arch}`,
);

/**
 * Where the runtime is: `COPILOT_CLI_PATH`, the platform package of `@github/copilot-sdk`, that of `@github/copilot`, then `copilot` on PATH.
 * Packages are looked for from the working directory and from the program that runs. Where npm put a loader, the program that it
 * loads is found.
 * @throws ConnectionError `REFUSED` when there is none.
 * @example
 * ```ts
 * import { findRuntime, startRuntime } from "latchkey/rpc";
 *
 * const path = findRuntime();
 * await using runtime = await startRuntime({ path });
 * ```
 */
export function findRuntime(env: NodeJS.ProcessEnv = process.env): string {
  if (env.COPILOT_CLI_PATH) return followLoader(env.COPILOT_CLI_PATH);
  for (const start of places()) {
    const path = inSdk(start) ?? inCli(start);
    if (path !== undefined) return path;
  }
  const path = onPath(env);
  if (path !== undefined) return path;
  throw new ConnectionError(
    "REFUSED",
    `no runtime found: install "${sdk}" or "${cli}", set COPILOT_CLI_PATH, or pass "path"`,
  );
}

/**
 * `copilot` of `@github/copilot` is a script that starts the program and waits. A signal to it does not reach the program, so its
 * program is found instead. Any other path stays what it is.
 */
export function followLoader(path: string): string {
  const folder = dirname(path);
  const candidates = [
    packageAround(path),
    // What npm on Windows and pnpm everywhere put on PATH is a script of their own, with the package near it.
    basename(folder) === ".bin" ? join(folder, "..", cli) : undefined,
    process.platform === "win32" ? join(folder, "node_modules", cli) : undefined,
  ];
  for (const candidate of candidates) {
    const program = candidate === undefined || !isPackage(candidate) ? undefined : inCli(realpathSync(candidate));
    if (program !== undefined) return program;
  }
  return path;
}

/** The folder of `@github/copilot`, when the file is a part of it. */
function packageAround(path: string): string | undefined {
  try {
    let folder = dirname(realpathSync(path));
    while (!existsSync(join(folder, "package.json"))) {
      if (folder === dirname(folder)) return undefined;
      folder = dirname(folder);
    }
    const manifest: { name?: unknown } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return manifest.name === cli ? folder : undefined;
  } catch {
    return undefined;
  }
}

function* places(): Generator<string> {
  yield process.cwd();
  const [, script] = process.argv;
  try {
    if (script) yield dirname(realpathSync(script));
  } catch {
    // Whatever started this process wrote something else there.
  }
}

const inSdk = (start: string): string | undefined =>
  platformFile(start, sdk, (platform) => join("prebuilds", platform, `copilot-runtime${exe}`));

const inCli = (start: string): string | undefined => platformFile(start, cli, () => `copilot${exe}`);

/** A file of the platform package of `name`, which lies beside `name` or among its dependencies. Its `exports` do not matter. */
function platformFile(start: string, name: string, fileFor: (platform: string) => string): string | undefined {
  const owner = packageFolder(start, name);
  const found: string[] = [];
  for (const platform of platforms)
    for (const from of owner === undefined ? [start] : [start, owner]) {
      const folder = packageFolder(from, `${name}-${platform}`);
      const path = folder && join(folder, fileFor(platform));
      if (!path || !existsSync(path)) continue;
      found.push(path);
      break;
    }
  return found.length > 1 && isMusl() ? found[1] : found[0];
}

/** Where Node would find a package from a folder, with links followed, as Node does. */
function packageFolder(start: string, name: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (isPackage(path)) return realpathSync(path);
    if (folder === dirname(folder)) return undefined;
  }
}

const isPackage = (folder: string): boolean => existsSync(join(folder, "package.json"));

/**
 * Which C library this process runs on; asked only where the packages for both are installed. `process.report` would say it too, but
 * looks up the name of the other end of every socket: seconds where a name server does not answer.
 */
function isMusl(): boolean {
  try {
    return readFileSync("/proc/self/maps", "utf8").includes("/ld-musl-");
  } catch {
    return false;
  }
}

function onPath(env: NodeJS.ProcessEnv): string | undefined {
  // A copy of the environment of Windows no longer finds `Path` by any other spelling.
  const [, path] = Object.entries(env).find(([name]) => name.toUpperCase() === "PATH") ?? [];
  const names = process.platform === "win32" ? ["copilot.exe", "copilot.cmd"] : ["copilot"];
  for (const folder of (path ?? "").split(delimiter))
    for (const name of names) {
      const found = join(folder, name);
      if (!folder || !existsSync(found) || !statSync(found).isFile()) continue;
      const program = followLoader(found);
      // Node starts no batch file without a shell.
      if (!program.endsWith(".cmd")) return program;
    }
  return undefined;
}
