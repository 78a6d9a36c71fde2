// npm test [-- pattern…]: builds, then runs lint, types and the tests of the working day, or only the files whose path
// contains a pattern. The last line is "N passed, N failed", with ", N skipped" when there are any.
//   --all             every file on both runtimes, those that end in .long.test.ts too (also by LATCHKEY_TESTS=all)
//   --from <dir>      runs the built files of another folder: no build, no checks
//   --node <path>     the Node that runs the files
//   --timeout <ms>    for a whole file
//   --no-skips        a skipped test is a failure (also by LATCHKEY_NO_SKIPS=1)

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { walk } from "./files.mjs";
import { killRunning, runFile } from "./run-file.mjs";

/** One more than the machine has cores: at any time some file waits for a clock, or for a process that starts. */
const atOnce = availableParallelism() + 1;
const slowestShown = 10;
const root = fileURLToPath(new URL("..", import.meta.url));
const { values: options, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: "boolean", default: process.env.LATCHKEY_TESTS === "all" },
    from: { type: "string" },
    node: { type: "string", default: process.execPath },
    timeout: { type: "string", default: "240000" },
    "no-skips": { type: "boolean", default: process.env.LATCHKEY_NO_SKIPS === "1" },
  },
});
// The files read it: tests/support/world/runtimes.ts.
if (options.all) process.env.LATCHKEY_TESTS = "all";
const sum = { passed: 0, failed: 0, skipped: 0 };
const times = [];

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    killRunning();
    process.exit(130);
  });
}

const say = (text) => process.stdout.write(`${text}\n`);

function tell(name, ok, detail, output, problems = []) {
  say(`${ok ? "ok  " : "FAIL"} ${name}${detail ? `  ${detail}` : ""}`);
  if (!ok && output.trim() !== "") say(output.trimEnd().replace(/^/gm, "     | "));
  if (!ok) for (const problem of problems) say(`     problem: ${problem}`);
}

async function check(name, command, args) {
  const began = performance.now();
  const { code, output } = await capture(command, args);
  sum[code === 0 ? "passed" : "failed"] += 1;
  tell(name, code === 0, seconds((performance.now() - began) / 1_000), output);
}

function capture(command, args) {
  return new Promise((done, fail) => {
    const output = [];
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    child.once("error", fail);
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(chunk));
    child.once("close", (code) => done({ code, output: Buffer.concat(output).toString() }));
  });
}

async function testFile(dir, file) {
  const { passed, failed, skipped, problems, output, ...rest } = await runFile(join(dir, file), {
    node: options.node,
    timeoutMs: Number(options.timeout),
  });
  if (options["no-skips"]) problems.push(...skipped.map(({ name }) => `skipped here: ${name}`));
  times.push([file, rest.seconds]);
  sum.passed += passed;
  sum.failed += failed + problems.length;
  sum.skipped += skipped.length;
  const detail = [
    `${passed} passed`,
    failed > 0 && `${failed} failed`,
    skipped.length > 0 && `${skipped.length} skipped`,
  ];
  const ok = failed === 0 && problems.length === 0;
  tell(file, ok, `${detail.filter(Boolean).join(", ")}  ${seconds(rest.seconds)}`, output, problems);
  for (const { name, reason } of skipped) say(`     skipped: ${name}: ${reason}`);
}

const seconds = (value) => `${value.toFixed(1)} s`;

const jobs = [];
if (!options.from) {
  await check("build", process.execPath, ["scripts/build.mjs"]);
  if (patterns.length === 0) {
    jobs.push(() => check("lint", "npm", ["run", "--silent", "lint"]));
    jobs.push(() => check("types", "npm", ["run", "--silent", "types"]));
  }
}
const dir = options.from ?? join(root, "build/tests");
const files = (await walk(dir)).filter(
  (file) => file.endsWith(".test.js") && (options.from !== undefined || !file.startsWith("fixtures/")),
);
const matches = (pattern) =>
  files.filter((file) => file.includes(pattern.replace(/\.ts$/, ".js").replace(/^tests\//, "")));
for (const pattern of patterns.filter((pattern) => matches(pattern).length === 0)) {
  sum.failed += 1;
  tell(pattern, false, "matches no test file", "");
}
if (files.length === 0) {
  sum.failed += 1;
  tell(relative(root, dir), false, "holds no test file", "");
}
const isLong = (file) => file.endsWith(".long.test.js");
const chosen =
  patterns.length === 0
    ? files.filter((file) => options.all || !isLong(file))
    : files.filter((file) => patterns.some((p) => matches(p).includes(file)));
jobs.push(...chosen.map((file) => () => testFile(dir, file)));

const worker = async () => {
  for (let job = jobs.shift(); job; job = jobs.shift()) await job();
};
await Promise.all(Array.from({ length: atOnce }, worker));

if (times.length > 1) {
  const slowest = times.sort(([, a], [, b]) => b - a).slice(0, slowestShown);
  say(`\nThe slowest files:\n${slowest.map(([file, took]) => `${seconds(took).padStart(8)}  ${file}`).join("\n")}`);
}
say(`\n${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`);
process.exitCode = sum.failed > 0 ? 1 : 0;
