// Runs one built test file as a process of its own and says what came of it. Whatever the file says about itself
// is not enough: it fails too when it dies, outlives its time, reports nothing, or leaves processes behind.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const marker = "LATCHKEY_TEST_RUN";
const groups = new Set();

/** Ends the files that are running now, for a runner that is interrupted. */
export function killRunning() {
  for (const pid of groups) kill(-pid);
}

export async function runFile(path, { timeoutMs = 240_000, graceMs = 2_000, node = process.execPath } = {}) {
  const began = performance.now();
  const scratch = await mkdtemp(join(tmpdir(), "latchkey-report-"));
  const reportPath = join(scratch, "report.json");
  // A runner inside a test is seen from outside as well: its marker begins with that of the outer run.
  const run = [process.env[marker], randomUUID()].filter(Boolean).join("/");
  const problems = [];
  const output = [];

  const child = spawn(node, ["--enable-source-maps", path], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, [marker]: run, LATCHKEY_TEST_REPORT: reportPath },
  });
  const exited = new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) => done({ code, signal }));
  });
  const closed = new Promise((done) => child.once("close", done));
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(chunk));
  groups.add(child.pid);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(-child.pid);
  }, timeoutMs);

  try {
    const { code, signal } = await exited;
    clearTimeout(timer);
    if (late) problems.push(`took longer than ${timeoutMs} ms and was killed`);
    else if (signal) problems.push(`was killed by ${signal}`);
    const leftOver = await endLeftOver(child.pid, run, late ? 0 : graceMs);
    if (!late) for (const { pid, command } of leftOver) problems.push(`left process ${pid} behind: ${command}`);
    await Promise.race([closed, delay(1_000, undefined, { ref: false })]);

    const report = await readFile(reportPath, "utf8").then(JSON.parse, () => undefined);
    if (!report && problems.length === 0) {
      problems.push(code === 0 ? "runs no suite of tests/support/suite.ts" : `died with exit code ${code}`);
    }
    problems.push(...(report?.problems ?? []));
    const { passed = 0, failed = 0, skipped = [] } = report ?? {};
    if (code !== 0 && failed === 0 && problems.length === 0) problems.push(`ended with exit code ${code}`);
    const text = Buffer.concat(output).toString();
    return { passed, failed, skipped, problems, output: text, seconds: (performance.now() - began) / 1_000 };
  } finally {
    clearTimeout(timer);
    groups.delete(child.pid);
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The processes that the file started and did not end; those still there after the grace are killed and returned. */
async function endLeftOver(session, run, graceMs) {
  const deadline = performance.now() + graceMs;
  let found = await descendants(session, run);
  while (found.length > 0 && performance.now() < deadline) {
    await delay(50);
    found = await descendants(session, run);
  }
  for (const { pid } of found) kill(pid);
  return found;
}

/** By the session that the file led, and by its marker in the environment for those that left the session. */
async function descendants(session, run) {
  if (process.platform !== "linux") return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => inspectProcess(pid, session, run)));
  return found.filter(Boolean);
}

async function inspectProcess(pid, session, run) {
  const read = (name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
  const [stat, environ] = await Promise.all([read("stat"), read("environ")]);
  const [state, , , ofSession] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === undefined || state === "" || state === "Z" || state === "X" || pid === process.pid) return undefined;
  const marked = environ
    .split("\0")
    .some((line) => line === `${marker}=${run}` || line.startsWith(`${marker}=${run}/`));
  if (!marked && Number(ofSession) !== session) return undefined;
  return { pid, command: (await read("cmdline")).replaceAll("\0", " ").trim() };
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
