import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { ConnectionError } from "../../base/errors.js";

/** `linux-x64`, `linuxmusl-arm64`, `darwin-arm64`, ...: how the runtime's platform packages are named. */
function platform(): string {
  const report = process.platform === "linux" ? process.report?.getReport() : undefined;
  const header = report && "header" in report ? report.header : undefined;
  const musl = typeof header === "object" && header !== null && !("glibcVersionRuntime" in header) ? "musl" : "";
  return `${process.platform}${musl}-${process.arch}`;
}

/** The folder of the platform package of `name`, seen from `from`: beside it, or among the dependencies of `name`. */
function platformPackage(from: string, name: string): string | undefined {
  const require = createRequire(from);
  const manifest = `${name}-${platform()}/package.json`;
  return (
    folderOf(() => require.resolve(manifest)) ??
    folderOf(() => createRequire(require.resolve(`${name}/package.json`)).resolve(manifest)) ??
    folderOf(() => createRequire(require.resolve(name)).resolve(manifest))
  );
}

function folderOf(resolve: () => string): string | undefined {
  try {
    return dirname(resolve());
  } catch {
    return undefined;
  }
}

/**
 * Where the runtime is: `COPILOT_CLI_PATH`, the platform package of `@github/copilot-sdk`, that of `@github/copilot`, then `copilot` on PATH.
 * Packages are looked for from the working directory and from latchkey's own place.
 * @throws ConnectionError `REFUSED` when there is none.
 */
export function findRuntime(env: NodeJS.ProcessEnv = process.env): string {
  if (env.COPILOT_CLI_PATH) return env.COPILOT_CLI_PATH;
  const exe = process.platform === "win32" ? ".exe" : "";
  const prebuilt = `${process.platform}-${process.arch}`;
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    const sdk = platformPackage(from, "@github/copilot-sdk");
    const cli = platformPackage(from, "@github/copilot");
    for (const path of [
      sdk && join(sdk, "prebuilds", prebuilt, `copilot-runtime${exe}`),
      cli && join(cli, `copilot${exe}`),
    ])
      if (path && existsSync(path)) return path;
  }
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const path = join(folder, `copilot${exe}`);
    if (folder && existsSync(path)) return path;
  }
  throw new ConnectionError(
    "REFUSED",
    'no runtime found: install "@github/copilot-sdk" or "@github/copilot", set COPILOT_CLI_PATH, or pass "path"',
  );
}
