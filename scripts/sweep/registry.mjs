// What the npm registry serves: runtimes and Nodes, asked for by npm and installed into the cache, each once.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const platform = `${process.platform}-${process.arch}`;
const oldest = "1.0.79";
const cliPackage = `@github/copilot-${platform}`;
const sdkPackage = `@github/copilot-sdk-${platform}`;

async function view(name, ...fields) {
  const { stdout } = await run("npm", ["view", name, ...fields, "--json"], { maxBuffer: 2 ** 24 });
  return stdout.trim() === "" ? undefined : JSON.parse(stdout);
}

const numbers = (version) => version.split(/[.-]/).map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** By number; a preview stands before its release. */
export function compare(one, other) {
  const [a, b] = [numbers(one), numbers(other)];
  for (let at = 0; at < 3; at++) if (a[at] !== b[at]) return a[at] - b[at];
  if (a.length === 3 || b.length === 3) return b.length - a.length;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Every runtime from the oldest on: those of the command line program, and those inside the SDK. */
export async function listRuntimes() {
  const [commandLine, sdks] = await Promise.all([
    view("@github/copilot", "versions"),
    view("@github/copilot-sdk", "versions"),
  ]);
  const found = commandLine
    .filter((version) => compare(version, oldest) >= 0)
    .map((version) => ({ version, from: `@github/copilot ${version}`, package: `@github/copilot@${version}` }));
  // Only those that carry one say which.
  for (const sdk of sdks.filter((version) => compare(version, "1.0.13") >= 0)) {
    const version = await view(`@github/copilot-sdk@${sdk}`, "copilotCliVersion");
    if (version) found.push({ version, from: `@github/copilot-sdk ${sdk}`, package: `${sdkPackage}@${sdk}` });
  }
  return found.sort((a, b) => compare(a.version, b.version) || (a.from < b.from ? -1 : 1));
}

/** 20.9.0, the newest of 20, 22 and 24, and the newest of all; Bun and Deno where npm has them. */
export async function listEngines() {
  const versions = (await view(`node-${platform}`, "versions")).filter((version) => !version.includes("-"));
  const newest = (major) =>
    versions
      .filter((version) => !major || version.startsWith(`${major}.`))
      .sort(compare)
      .at(-1);
  const nodes = [...new Set(["20.9.0", newest("20"), newest("22"), newest("24"), newest()])].map((version) => ({
    name: `Node ${version}`,
    package: `node-${platform}@${version}`,
    command: [`node-${platform}/bin/node`],
  }));
  const others = [
    { name: "Bun", of: `@oven/bun-${platform}`, command: [`@oven/bun-${platform}/bin/bun`] },
    { name: "Deno", of: `@deno/${platform}-glibc`, command: [`@deno/${platform}-glibc/deno`, "run", "-A"] },
  ];
  for (const { name, of, command } of others) {
    const version = await view(of, "version").catch(() => undefined);
    if (version) nodes.push({ name: `${name} ${version}`, package: `${of}@${version}`, command });
  }
  return nodes;
}

/** The folder of an installed package's `node_modules`. */
async function install(cache, spec) {
  const folder = join(cache, "packages", spec.replaceAll(/[/@]+/g, "_"));
  const done = join(folder, "installed");
  if (!existsSync(done)) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), '{ "private": true }\n');
    const quiet = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run("npm", ["install", ...quiet, spec], { cwd: folder });
    await writeFile(done, "");
  }
  return join(folder, "node_modules");
}

/** What tests/programs/sweep.ts wants to know of a runtime; `modules` where it is installed already. */
export async function installRuntime(cache, runtime, modules) {
  modules ??= await install(cache, runtime.package);
  const sdk = join(modules, sdkPackage, "prebuilds", platform, "copilot-runtime");
  if (existsSync(sdk)) return { path: sdk };
  const folder = join(modules, cliPackage);
  const unpacked = { unpacksInto: join(cache, "unpacked", runtime.version) };
  // Up to 1.0.84 the program has its files beside it, later it carries them.
  return { path: join(folder, "copilot"), ...(existsSync(join(folder, "app.js")) ? {} : unpacked) };
}

/** The command that runs a program. */
export async function installEngine(cache, engine) {
  const modules = await install(cache, engine.package);
  const [binary, ...args] = engine.command;
  await chmod(join(modules, binary), 0o755);
  return [join(modules, binary), ...args];
}
