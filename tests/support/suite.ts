/**
 * uvu with its traps closed. A test file is a plain program that says `const test = suite("name")` and registers
 * tests; there is no `.run()` to forget: the tests start once the file is evaluated, top-level awaits included.
 * A file fails that registers no test, registers one too late, uses `.only`, ends before its tests did, or
 * keeps running after them. Hooks that throw fail their tests (in uvu a throwing `before` passes).
 * scripts/test.mjs reads the counts from the report, so a file that never called `suite` fails too.
 * With LATCHKEY_TEST_PLAN a file runs its tests as `plan.ts` says.
 * With LATCHKEY_TEST_TITLES=1 a file says the titles of its tests, as JSON, and runs none.
 */
import { realpathSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { suite as uvuSuite } from "uvu";
import { type PlannedSuite, runPlan } from "./plan.js";

export { rejects, within } from "./expect.js";

export interface TestContext {
  /** Aborted when the test's time is over. */
  readonly signal: AbortSignal;
}
export type TestBody = (context: TestContext) => void | Promise<void>;
export type Hook = () => void | Promise<void>;
export interface TestOptions {
  /** Default 30 s, or what the suite says. */
  readonly timeoutMs?: number;
}

type Hooks = ((hook: Hook) => void) & { each(hook: Hook): void };

export interface Suite {
  (name: string, body: TestBody, options?: TestOptions): void;
  /** For work at the desk: runs these alone, and fails the file so that it is never left in. */
  only(name: string, body: TestBody, options?: TestOptions): void;
  /** Counted and printed with its reason. */
  skip(name: string, reason: string, body?: TestBody, options?: TestOptions): void;
  readonly before: Hooks;
  readonly after: Hooks;
}

const lingerMs = 5_000;
const pending: Array<() => void> = [];
const problems: string[] = [];
const skipped: Array<{ name: string; reason: string }> = [];
const titles: string[] = [];
const planned: PlannedSuite[] = [];
const counts = { registered: 0, passed: 0, failed: 0 };
let state: "idle" | "collecting" | "running" | "finished" = "idle";
let unfinishedSuites = 0;
let current = "";

export function suite(name: string, { timeoutMs = 30_000 }: TestOptions = {}): Suite {
  if (state === "idle") begin();
  mustBeCollecting(`suite "${name}"`);
  const engine = uvuSuite(name);
  const hooks = { before: [] as Hook[], after: [] as Hook[], beforeEach: [] as Hook[], afterEach: [] as Hook[] };
  const tests: PlannedSuite["tests"] = [];
  planned.push({ name, hooks, tests });
  const names = new Set<string>();
  let beforeFailed: { error: unknown } | undefined;

  const register =
    (into: typeof engine | typeof engine.only) =>
    (title: string, body: TestBody, options: TestOptions = {}): void => {
      mustBeCollecting(`test "${title}"`);
      if (names.has(title)) throw new TypeError(`two tests of suite "${name}" are called "${title}"`);
      names.add(title);
      titles.push(title);
      tests.push({ title, timeoutMs: options.timeoutMs ?? timeoutMs, run: (signal) => body({ signal }) });
      counts.registered += 1;
      into(title, async () => {
        const label = `${name} › ${title}`;
        current = label;
        try {
          if (beforeFailed) throw beforeFailed.error;
          for (const hook of hooks.beforeEach) await timed(hook, timeoutMs, "a before.each hook");
          try {
            await timed((signal) => body({ signal }), options.timeoutMs ?? timeoutMs, "the test");
          } finally {
            for (const hook of hooks.afterEach) await timed(hook, timeoutMs, "an after.each hook");
          }
          counts.passed += 1;
        } catch (error) {
          counts.failed += 1;
          throw presentable(error, label);
        }
      });
    };

  engine.before(async () => {
    current = `${name} › before`;
    try {
      for (const hook of hooks.before) await timed(hook, timeoutMs, "a before hook");
    } catch (error) {
      beforeFailed = { error };
    }
  });
  engine.after(async () => {
    current = `${name} › after`;
    for (const hook of hooks.after.toReversed()) {
      await timed(hook, timeoutMs, "an after hook").catch((error: unknown) => {
        problems.push(`suite "${name}": an after hook failed: ${inspect(error)}`);
      });
    }
    unfinishedSuites -= 1;
    if (unfinishedSuites === 0) finish();
  });

  unfinishedSuites += 1;
  pending.push(() => engine.run());
  const only = register(engine.only);
  return Object.assign(register(engine), {
    only(title: string, body: TestBody, options?: TestOptions): void {
      problems.push(`"${title}" is marked .only`);
      only(title, body, options);
    },
    skip(title: string, reason: string): void {
      mustBeCollecting(`test "${title}"`);
      skipped.push({ name: `${name} › ${title}`, reason });
    },
    before: Object.assign((hook: Hook) => void hooks.before.push(hook), {
      each: (hook: Hook) => void hooks.beforeEach.push(hook),
    }),
    after: Object.assign((hook: Hook) => void hooks.after.push(hook), {
      each: (hook: Hook) => void hooks.afterEach.push(hook),
    }),
  });
}

function begin(): void {
  state = "collecting";
  const entry = process.argv[1];
  if (entry === undefined) throw new TypeError("a test file is run as a program");
  process.once("exit", report);
  process.on("uncaughtExceptionMonitor", () =>
    process.stderr.write(`\nuncaught while running ${current || "no test"}:\n`),
  );
  // The same module instance as the program itself: resolves when its evaluation is over, top-level awaits included.
  import(pathToFileURL(realpathSync(entry)).href).then(
    () => {
      if (process.env.LATCHKEY_TEST_TITLES === "1") tellTitles();
      const plan = process.env.LATCHKEY_TEST_PLAN;
      if (plan !== undefined) return followPlan(plan);
      state = "running";
      for (const run of pending) run();
    },
    () => undefined, // Node reports the program's own error and ends it.
  );
}

async function followPlan(path: string): Promise<void> {
  process.off("exit", report);
  process.removeAllListeners("uncaughtExceptionMonitor");
  state = "running";
  await runPlan(path, planned, timed);
}

function tellTitles(): never {
  process.off("exit", report);
  writeFileSync(process.stdout.fd, JSON.stringify(titles));
  process.exit();
}

function mustBeCollecting(what: string): void {
  if (state !== "collecting") throw new TypeError(`${what} was registered after the tests had started`);
}

function finish(): void {
  state = "finished";
  current = "";
  setTimeout(() => {
    const handles = [...new Set(process.getActiveResourcesInfo())].join(", ");
    problems.push(`still running ${lingerMs / 1_000} s after the last test; open: ${handles}`);
    process.exit(1);
  }, lingerMs).unref();
}

function report(): void {
  if (state !== "finished") problems.push(`ended before its tests did${current ? `, in ${current}` : ""}`);
  const ran = counts.passed + counts.failed;
  if (counts.registered === 0 && skipped.length === 0) problems.push("registers no test");
  else if (state === "finished" && ran < counts.registered)
    problems.push(`${counts.registered - ran} tests did not run`);
  for (const { name, reason } of skipped) process.stdout.write(`skipped: ${name}: ${reason}\n`);
  for (const problem of problems) process.stderr.write(`problem: ${problem}\n`);
  if (problems.length > 0 || counts.failed > 0) process.exitCode ||= 1;
  const target = process.env.LATCHKEY_TEST_REPORT;
  if (target) writeFileSync(target, JSON.stringify({ ...counts, skipped, problems }));
}

async function timed(run: (signal: AbortSignal) => void | Promise<void>, ms: number, what: string): Promise<void> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`${what} took longer than ${ms} ms`);
      reject(error);
      controller.abort(error);
    }, ms);
  });
  try {
    await Promise.race([run(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** uvu prints message and stack of an error, and breaks on anything that is none. */
function presentable(thrown: unknown, label: string): Error {
  const error = thrown instanceof Error ? thrown : new Error(`threw ${inspect(thrown)}`);
  if (error.cause !== undefined) process.stderr.write(`\ncause, in ${label}: ${inspect(error.cause)}\n`);
  if (error instanceof AggregateError) process.stderr.write(`\nerrors, in ${label}: ${inspect(error.errors)}\n`);
  return error;
}
