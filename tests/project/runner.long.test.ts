import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import * as assert from "uvu/assert";
import { rejects, suite, within } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const runner = join(root, "scripts/test.mjs");
const fixtures = join(root, "build/tests/fixtures/suite");

const run = (...args: string[]): SpawnSyncReturns<string> => {
  const { LATCHKEY_NO_SKIPS: _, ...env } = process.env;
  return spawnSync(process.execPath, [runner, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env });
};
const lastLine = ({ stdout }: SpawnSyncReturns<string>): string | undefined => stdout.trimEnd().split("\n").at(-1);

const test = suite("the runner");

test("counts what passed and shows what was skipped", () => {
  const result = run("--from", fixtures, "passes");
  assert.is(lastLine(result), "3 passed, 0 failed, 1 skipped");
  assert.match(result.stdout, "skipped: passes › three: shown by the runner");
  assert.is(result.status, 0);
});

test("makes skips failures where nothing may be skipped", () => {
  const result = run("--from", fixtures, "--no-skips", "passes");
  assert.is(lastLine(result), "3 passed, 1 failed, 1 skipped");
  assert.is(result.status, 1);
});

const traps: Array<[file: string, verdict: string, said: string | RegExp]> = [
  ["plain-uvu", "0 passed, 1 failed", "runs no suite of tests/support/suite.ts"],
  ["no-tests", "0 passed, 1 failed", "registers no test"],
  ["only", "1 passed, 2 failed", '"runs" is marked .only'],
  ["async-throw", "1 passed, 1 failed", "seen"],
  ["throws-no-error", "0 passed, 1 failed", "threw undefined"],
  ["hangs", "1 passed, 1 failed", "the test took longer than 50 ms"],
  ["before-throws", "0 passed, 1 failed", "set-up failed"],
  ["after-throws", "1 passed, 1 failed", "tear-down failed"],
  ["exits", "0 passed, 1 failed", "ended before its tests did, in exits › ends the process"],
  ["late", "0 passed, 1 failed", 'test "too late" was registered after the tests had started'],
  ["spins", "0 passed, 1 failed", "took longer than 1000 ms and was killed"],
  ["lingers", "1 passed, 1 failed", /still running 5 s after the last test; open: .*TCP/],
  ["leaves-child", "2 passed, 2 failed", /left process \d+ behind: .*setInterval/],
  ["floats", "0 passed, 1 failed", "forgotten"],
  ["dies", "0 passed, 1 failed", "while loading"],
];
for (const [file, verdict, said] of traps) {
  test(`fails a file that ${file}`, () => {
    const result = run("--from", fixtures, ...(file === "spins" ? ["--timeout", "1000"] : []), `${file}.test`);
    assert.is(lastLine(result), verdict, result.stdout);
    assert.match(result.stdout, said);
    assert.is(result.status, 1);
  });
}

test("fails when a pattern matches nothing, whatever else passes", () => {
  const result = run("--from", fixtures, "passes", "no-such-file");
  assert.is(lastLine(result), "3 passed, 1 failed, 1 skipped");
  assert.match(result.stdout, "no-such-file  matches no test file");
  assert.is(result.status, 1);
});

test("fails a folder without test files", async () => {
  const empty = await mkdtemp(join(tmpdir(), "latchkey-empty-"));
  const result = run("--from", empty);
  await rm(empty, { recursive: true });
  assert.is(lastLine(result), "0 passed, 1 failed");
  assert.is(result.status, 1);
});

test("ends what a file left behind", async () => {
  const result = run("--from", fixtures, "leaves-child");
  const pids = [...result.stdout.matchAll(/left process (\d+) behind/g)].map(([, pid]) => pid);
  assert.is(pids.length, 2);
  for (const pid of pids) {
    // Nobody may have reaped it yet: a zombie is ended too.
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") X");
    assert.match(stat, /\) [ZX]/);
  }
});

const helpers = suite("the helpers");

class Coded extends Error {
  readonly code = "CODED";
}

helpers("rejects gives back the error it checked", async () => {
  const error = new Coded("told so");
  assert.is(await rejects(Promise.reject(error), Coded), error);
  assert.is(await rejects(() => Promise.reject(error), { type: Coded, code: "CODED", message: /so$/ }), error);
  const thrown = () => {
    throw error;
  };
  assert.is((await rejects(thrown, Coded)).code, "CODED");
});

helpers("rejects fails on a value, another class, code, name or message, and on what is no error", async () => {
  const failing = [
    rejects(Promise.resolve(1)),
    rejects(Promise.reject(new Error("x")), Coded),
    rejects(Promise.reject(new Coded("x")), { code: "OTHER" }),
    rejects(Promise.reject(new Coded("x")), { name: "Other" }),
    rejects(Promise.reject(new Coded("x")), { message: /y/ }),
    rejects(Promise.reject("text")),
  ];
  for (const outcome of await Promise.allSettled(failing)) assert.is(outcome.status, "rejected");
});

helpers("within passes on what settles in time and names what does not", async () => {
  assert.is(await within(1_000, Promise.resolve(7), "seven"), 7);
  await rejects(within(5, new Promise(() => undefined), "the answer"), {
    message: /^the answer took longer than 5 ms$/,
  });
});

test("a file that fails when it is run again is no evidence about mutants", async () => {
  const copy = await mkdtemp(join(tmpdir(), "latchkey-plan-"));
  try {
    await symlink(join(root, "build"), join(copy, "build"));
    const module: { tryFile(copy: string, test: string, mutants: object[], say: () => void): Promise<unknown> } =
      await import(pathToFileURL(join(root, "scripts/mutants/run.mjs")).href);
    const mutant = { id: "place true", place: "place", as: "true" };
    const tried = (name: string) =>
      module.tryFile(copy, `tests/fixtures/suite/${name}.test.ts`, [mutant], () => undefined);
    await rejects(tried("second-run"), {
      message: /"a file that runs once › passes the first time" fails when it is run again/,
    });
    assert.ok(await tried("runs-again"));
  } finally {
    delete process.env.LATCHKEY_TEST_PLAN;
    await rm(copy, { recursive: true, force: true });
  }
});
