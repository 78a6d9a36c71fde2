/** Each way in which a runtime gets onto a machine: what is found, and that stop() ends the runtime itself. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startRuntime } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { rejects, suite } from "../../support/suite.js";
import { bundled, cli, runtimes } from "../../support/world.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const modules = join(root, "node_modules");
const sdkFolder = dirname(dirname(dirname(bundled.path)));
const platform = dirname(bundled.path).split("/").at(-1) ?? "";
const [sdkPackage, cliPackage] = [`@github/copilot-sdk-${platform}`, `@github/copilot-${platform}`];
const sdkProgram = join(sdkPackage, "prebuilds", platform, "copilot-runtime");
const cliProgram = join(cliPackage, "copilot");

const test = suite("Ways of installing a runtime", { timeoutMs: 60_000 });
let scratch = "";
test.before(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), "latchkey-installs-")));
});
test.after(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));

/** A package as npm installs it: a folder of its own. What lies in it may be links, for a program has 200 MB. */
async function install(name: string, into: string, { from = join(modules, name), whole = false } = {}): Promise<void> {
  const folder = join(into, name);
  await mkdir(folder, { recursive: true });
  if (whole)
    await cp(from, folder, { recursive: true, filter: (path) => !path.slice(from.length).includes("node_modules") });
  else for (const each of await readdir(from)) await symlink(join(from, each), join(folder, each));
}

const installSdk = async (into: string): Promise<void> => {
  await install("@github/copilot-sdk", into, { whole: true });
  await install(sdkPackage, into, { from: sdkFolder });
};
const installCli = async (into: string): Promise<void> => {
  await install("@github/copilot", into, { whole: true });
  await install("detect-libc", into, { whole: true });
  await install(cliPackage, into, { from: dirname(cli.path) });
};

let projects = 0;

/** A project with latchkey, and what else `fill` puts into its node_modules. */
async function openProject(fill: (modules: string) => Promise<void> = async () => undefined): Promise<string> {
  projects += 1;
  const folder = join(scratch, `project-${projects}`);
  await mkdir(join(folder, "node_modules"), { recursive: true });
  await symlink(root, join(folder, "node_modules/latchkey"));
  await fill(join(folder, "node_modules"));
  await writeFile(join(folder, "probe.mjs"), probe);
  return folder;
}

/** Runs in the project: finds a runtime, starts it, says which process listens, stops it, and says what is left. */
const probe = `
import { readlinkSync } from "node:fs";
import { checkMark, connect, findRuntime, markRuntime, startRuntime } from "latchkey/rpc";
const { start, before } = JSON.parse(process.env.GIVEN);
const report = {};
try {
  report.found = findRuntime();
} catch (error) {
  report.code = error.code;
  report.message = error.message;
}
if (start) {
  const runtime = await startRuntime({ home: process.env.TMPDIR });
  report.version = runtime.version;
  const mark = await markRuntime(runtime);
  report.exe = readlinkSync("/proc/" + runtime.pid + "/exe");
  if (before === "kill the script") {
    const parent = Number((await import("node:child_process")).execFileSync("ps", ["-o", "ppid=", "-p", runtime.pid]));
    if (parent === process.pid) throw new Error("there is no script");
    process.kill(parent, "SIGKILL");
  }
  // Its end is told by the connection, not by what stop() believes.
  const rpc = await connect(runtime.endpoint, { token: runtime.token });
  if (before === "freeze") process.kill(runtime.pid, "SIGSTOP");
  const began = performance.now();
  await runtime.stop({ graceMs: before === "freeze" ? 300 : 10_000 });
  report.stopMs = performance.now() - began;
  await rpc.closed;
  report.after = await connect(runtime.endpoint, { token: runtime.token }).then(() => "answers", (error) => error.code);
  // One whose parent was killed belongs to the machine's first process, which may never ask for its end.
  const state = await checkMark(mark);
  if (state !== "gone") report.after = "its process is " + state;
  await runtime.exited;
}
console.log(JSON.stringify(report));
`;

interface Report {
  readonly found?: string;
  readonly code?: string;
  readonly message?: string;
  readonly version?: string;
  readonly exe?: string;
  readonly stopMs?: number;
  readonly after?: string;
}

async function run(
  project: string,
  { env = {}, cwd = project, ...given }: { env?: NodeJS.ProcessEnv; cwd?: string; start?: true; before?: string },
): Promise<Report> {
  const home = await mkdtemp(join(scratch, "home-"));
  const child = spawn(process.execPath, [join(project, "probe.mjs")], {
    cwd,
    env: { PATH: "/usr/bin:/bin", TMPDIR: home, GIVEN: JSON.stringify(given), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = await once(child, "close");
  assert.is(code, 0, err);
  return JSON.parse(out);
}

test("the SDK alone", async () => {
  const project = await openProject(installSdk);
  assert.equal(await run(project, {}), { found: join(project, "node_modules", sdkProgram) });
});

test("the command line program alone, whose platform package exports nothing but its program", async () => {
  const project = await openProject(installCli);
  assert.equal(await run(project, {}), { found: join(project, "node_modules", cliProgram) });
});

test("both: the SDK's", async () => {
  const project = await openProject(async (into) => {
    await installCli(into);
    await installSdk(into);
  });
  assert.equal(await run(project, {}), { found: join(project, "node_modules", sdkProgram) });
});

test("the platform package among the dependencies of its owner, and owners behind links, as pnpm lays them out", async () => {
  const nested = await openProject(async (into) => {
    await install("@github/copilot", into, { whole: true });
    await install(cliPackage, join(into, "@github/copilot/node_modules"), { from: dirname(cli.path) });
  });
  assert.equal(await run(nested, {}), { found: join(nested, "node_modules/@github/copilot/node_modules", cliProgram) });
  const store = (into: string) => join(into, ".pnpm/@github+copilot-sdk@1/node_modules");
  const linked = await openProject(async (into) => {
    await installSdk(store(into));
    await mkdir(join(into, "@github"));
    await symlink(join(store(into), "@github/copilot-sdk"), join(into, "@github/copilot-sdk"));
  });
  assert.equal(await run(linked, {}), { found: join(store(join(linked, "node_modules")), sdkProgram) });
});

test("started from another folder: seen from the program that runs", async () => {
  const project = await openProject(installSdk);
  assert.equal(await run(project, { cwd: scratch }), { found: join(project, "node_modules", sdkProgram) });
});

test("both C libraries' packages are there: the one for this process", async () => {
  const other = platform.startsWith("linuxmusl")
    ? platform.replace("linuxmusl", "linux")
    : platform.replace("linux", "linuxmusl");
  const project = await openProject(async (into) => {
    await installCli(into);
    await install(`@github/copilot-${other}`, into, { from: dirname(cli.path) });
  });
  assert.equal(await run(project, {}), { found: join(project, "node_modules", cliProgram) });
});

test("the package for the other C library alone is taken: whoever installed it may know why", async () => {
  const other = platform.replace(/^linux(musl)?/, (_, musl) => (musl ? "linux" : "linuxmusl"));
  const project = await openProject((into) => install(`@github/copilot-${other}`, into, { from: dirname(cli.path) }));
  assert.equal(await run(project, {}), { found: join(project, "node_modules", `@github/copilot-${other}`, "copilot") });
});

/** A folder for PATH with one script in it, `copilot`. */
async function openBin(text: string, folder = ""): Promise<string> {
  const bin = folder || (await mkdtemp(join(scratch, "bin-")));
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "copilot"), text);
  await chmod(join(bin, "copilot"), 0o755);
  return bin;
}

const withBin = (bin: string): NodeJS.ProcessEnv => ({ PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin` });

test("on PATH by a global install: npm's loader is followed to its program", async () => {
  const prefix = await mkdtemp(join(scratch, "prefix-"));
  await installCli(join(prefix, "lib/node_modules"));
  await mkdir(join(prefix, "bin"));
  await symlink("../lib/node_modules/@github/copilot/npm-loader.js", join(prefix, "bin/copilot"));
  const report = await run(await openProject(), { env: withBin(join(prefix, "bin")), start: true });
  assert.is(report.found, join(prefix, "lib/node_modules", cliProgram));
  assert.is(report.exe, await realpath(cli.path));
  assert.is(report.after, "REFUSED");
});

test("on PATH by npm run in another project, as a link and as a script of the package manager's", async () => {
  const other = await openProject(installCli);
  const bin = join(other, "node_modules/.bin");
  await mkdir(bin);
  await symlink("../@github/copilot/npm-loader.js", join(bin, "copilot"));
  const project = await openProject();
  const found = join(other, "node_modules", cliProgram);
  assert.equal(await run(project, { env: withBin(bin) }), { found });
  await rm(join(bin, "copilot"));
  await openBin('#!/bin/sh\nexec node "$(dirname "$0")/../@github/copilot/npm-loader.js" "$@"\n', bin);
  assert.equal(await run(project, { env: withBin(bin) }), { found });
});

test("what is on PATH and no program, such as a folder, is passed over", async () => {
  const [empty, bin] = [await mkdtemp(join(scratch, "bin-")), await openBin("#!/bin/sh\n")];
  await mkdir(join(empty, "copilot"));
  const report = await run(await openProject(), { env: { PATH: `${empty}:${bin}` } });
  assert.equal(report, { found: join(bin, "copilot") });
});

for (const under of runtimes)
  test(`on PATH, a script of somebody's that starts ${under.name} and waits: stop() ends the runtime`, async () => {
    const bin = await openBin(`#!/bin/sh\n"${under.path}" "$@"\nexit $?\n`);
    const project = await openProject();
    const plain = await run(project, { env: withBin(bin), start: true });
    assert.is(plain.found, join(bin, "copilot"));
    assert.is(plain.exe, await realpath(under.path), "the process id is the runtime's");
    assert.is(plain.after, "REFUSED");
    const alone = await run(project, { env: withBin(bin), start: true, before: "kill the script" });
    assert.is(alone.after, "REFUSED", "also when the script is dead already");
    const frozen = await run(project, { env: withBin(bin), start: true, before: "freeze" });
    assert.is(frozen.after, "REFUSED", "also when it does not react");
    assert.ok((frozen.stopMs ?? 0) >= 300, "after the grace");
  });

test("COPILOT_CLI_PATH and `path`: a program, or npm's loader, which is followed", async () => {
  const project = await openProject(installSdk);
  const other = await openProject(installCli);
  const loader = join(other, "node_modules/@github/copilot/npm-loader.js");
  assert.equal(await run(project, { env: { COPILOT_CLI_PATH: cli.path } }), { found: cli.path });
  assert.equal(await run(project, { env: { COPILOT_CLI_PATH: loader } }), {
    found: join(other, "node_modules", cliProgram),
  });
  const program = join(other, "node_modules", cliProgram);
  await rm(program);
  await writeFile(program, "#!/bin/sh\necho the program itself >&2; exit 3\n", { mode: 0o755 });
  await rejects(startRuntime({ path: loader }), {
    code: "REFUSED",
    message: /ended .3. before it listened: the program itself$/,
  });
  await rm(join(other, "node_modules", cliPackage), { recursive: true });
  assert.equal(
    await run(project, { env: { COPILOT_CLI_PATH: loader } }),
    { found: loader },
    "a loader with nothing to load",
  );
});

test("none: REFUSED, with what to do", async () => {
  const report = await run(await openProject(), {});
  assert.is(report.code, "REFUSED");
  assert.match(report.message ?? "", /install "@github\/copilot-sdk" or "@github\/copilot", set COPILOT_CLI_PATH/);
});
