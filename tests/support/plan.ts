/**
 * The tests of one file, run many times in one process: for `npm run mutants`, which takes a check out of the code and wants to know
 * whether a test fails. With LATCHKEY_TEST_PLAN=<file> a test file does this instead of running its tests once.
 * Each line that is written to the plan's `results` is one step, so whoever runs it knows how far it came.
 */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";

export interface PlannedSuite {
  readonly name: string;
  readonly hooks: Readonly<Record<"before" | "after" | "beforeEach" | "afterEach", (() => void | Promise<void>)[]>>;
  readonly tests: {
    readonly title: string;
    readonly timeoutMs: number;
    run(signal: AbortSignal): void | Promise<void>;
  }[];
}

interface Plan {
  /** Where a line is written for each step. */
  readonly results: string;
  /** Says to every process which check is out; "reached" lets them note the places that they come by. */
  readonly active: string;
  readonly reached: string;
  readonly mutants: readonly { readonly place: string; readonly as: string }[];
  /** What an earlier process found out, by the label of a test. Left out, it is found out first. */
  readonly known?: Readonly<Record<string, Reached>>;
}

interface Reached {
  readonly places: readonly string[];
  readonly ms: number;
}

type Timed = (run: (signal: AbortSignal) => void | Promise<void>, ms: number, what: string) => Promise<void>;

/** A test that stands still is noticed, too; this is far from what a loaded machine needs. */
const leastMs = 10_000;

/** So often a file is run again with nothing taken out: a test that fails then would be counted for a check that it does not miss. */
const repeats = 2;

export async function runPlan(path: string, suites: readonly PlannedSuite[], timed: Timed): Promise<void> {
  const plan: Plan = JSON.parse(readFileSync(path, "utf8"));
  const tell = (line: object): void => appendFileSync(plan.results, `${JSON.stringify(line)}\n`);
  for (const event of ["uncaughtException", "unhandledRejection"] as const)
    process.on(event, (error) => {
      // It may be a late one of the check before; a process of its own for the present one will tell.
      tell({ stray: inspect(error).slice(0, 300) });
      process.exit(3);
    });
  if (plan.known === undefined) tell({ atLoad: placesIn(plan.reached) });
  const turnOn = (active: string): void => {
    writeFileSync(plan.active, active);
    Object.assign(globalThis, { latchkeyMutant: active, latchkeyReached: new Set() });
  };
  const all = suites.flatMap((suite) =>
    suite.tests.map((test) => ({ suite, test, label: `${suite.name} › ${test.title}` })),
  );
  const attempt = async ({ suite, test }: (typeof all)[number], ms: number): Promise<string | undefined> => {
    try {
      for (const hook of suite.hooks.beforeEach) await timed(hook, ms, "a before.each hook");
      try {
        await timed((signal) => test.run(signal), ms, "the test");
      } finally {
        for (const hook of suite.hooks.afterEach) await timed(hook, ms, "an after.each hook");
      }
      return undefined;
    } catch (error) {
      return inspect(error).slice(0, 2000);
    }
  };
  for (const { hooks } of suites) for (const hook of hooks.before) await timed(hook, 120_000, "a before hook");
  const known: Record<string, Reached> = { ...plan.known };
  for (const each of plan.known === undefined ? all : []) {
    turnOn("reached");
    rmSync(plan.reached, { force: true });
    const began = performance.now();
    const failed = await attempt(each, each.test.timeoutMs * 4);
    const ms = performance.now() - began;
    const places = failed === undefined ? placesIn(plan.reached) : [];
    known[each.label] = { places, ms };
    tell({ label: each.label, places, ms, ...(failed !== undefined && { failed }) });
  }
  for (let again = 0; plan.known === undefined && again < repeats; again += 1)
    for (const each of all) {
      turnOn("");
      const failed = await attempt(each, Math.max(leastMs, (known[each.label]?.ms ?? 0) * 10));
      tell({ repeated: each.label, ...(failed !== undefined && { failed }) });
    }
  for (const { place, as } of plan.mutants) {
    const tests =
      plan.mutants.length === 1 && plan.known !== undefined
        ? all
        : all.filter(({ label }) => known[label]?.places.includes(place));
    tell({ began: place, as });
    turnOn(`${place} ${as}`);
    let killed: string | undefined;
    for (const each of tests) {
      const ms = Math.max(leastMs, (known[each.label]?.ms ?? 0) * 10);
      killed = await attempt(each, ms);
      if (killed === undefined) {
        tell({ ran: each.label });
        continue;
      }
      // It has to pass with the check in its place. Where it does not, a process of its own tells whose fault that is.
      turnOn("");
      if (plan.mutants.length > 1 && (await attempt(each, ms)) !== undefined) {
        tell({ unsure: place, as, by: each.label });
        process.exit(3);
      }
      tell({ killed: place, as, by: each.label, error: killed.slice(0, 200) });
      break;
    }
    turnOn("");
    if (killed === undefined) tell({ survived: place, as, tests: tests.length });
  }
  tell({ done: true });
  process.exit(0);
}

function placesIn(path: string): string[] {
  try {
    return [...new Set(readFileSync(path, "utf8").split("\n"))].filter((place) => place !== "");
  } catch {
    return [];
  }
}
