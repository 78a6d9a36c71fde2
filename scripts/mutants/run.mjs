// Runs a test file as tests/support/plan.ts does it: each mutant that the file comes by, until a test of it fails.

import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { killRunning, runFile } from "../run-file.mjs";

/** A process that says nothing for so long, not even that a test is over, stands still. */
const stillMs = 45_000;

let stopped = false;

/** Ends the test file that runs, with all that it started: `tryFile` then throws. */
export function stop() {
  stopped = true;
  killRunning();
}

/**
 * What a test file makes of mutants: a map of ids to `{ by, error }` for those that it noticed, and which of the others it came by.
 * Throws when the file fails with nothing taken out, the first time or when it is run again: its tests would be no evidence.
 */
export async function tryFile(copy, test, mutants, say) {
  const verdicts = new Map();
  const first = await run(copy, test, mutants, { active: "reached" });
  const known = knownFrom(first.lines);
  const failing = first.lines.find((line) => line.failed !== undefined);
  if (failing) {
    const { label = failing.repeated, repeated, failed } = failing;
    throw new Error(
      `${test}: "${label}" fails ${repeated ? "when it is run again " : ""}with nothing taken out: ${failed}`,
    );
  }
  if (known === undefined) throw new Error(`${test} does not run: ${first.output}`);
  const atLoad = first.atLoad;
  const reached = new Set(Object.values(known).flatMap(({ places }) => places));
  let left = note(verdicts, mutants, first);
  while (left.length > 0) {
    const next = await run(copy, test, left, { known });
    const rest = note(verdicts, left, next);
    if (rest.length === left.length) throw new Error(`${test} stands still: ${next.output}`);
    left = rest;
  }
  // What is decided once, while the file is loaded, is taken out before that; and what ended a process has one of its own.
  const alone = mutants.filter(
    (mutant) => verdicts.get(mutant.id)?.alone || (atLoad.has(mutant.place) && !verdicts.get(mutant.id)?.by),
  );
  for (const mutant of alone) {
    const { lines, output } = await run(copy, test, [mutant], { known, active: mutant.id });
    const killed = lines.find((line) => line.killed !== undefined);
    const survived = lines.some((line) => line.survived !== undefined);
    verdicts.set(
      mutant.id,
      survived ? {} : { by: killed?.by ?? "the process", error: killed?.error ?? output.slice(-200) },
    );
    reached.add(mutant.place);
  }
  say(`         ${test}: ${[...verdicts.values()].filter(({ by }) => by).length} of ${mutants.length} noticed`);
  return { verdicts, reached };
}

async function run(copy, test, mutants, { known, active = "" }) {
  const plan = { results: join(copy, "results"), active: join(copy, "active"), reached: join(copy, "reached") };
  await Promise.all([plan.results, plan.reached].map((path) => rm(path, { force: true })));
  await writeFile(plan.active, active);
  await writeFile(
    join(copy, "plan.json"),
    JSON.stringify({ ...plan, known, mutants: mutants.map(({ place, as }) => ({ place, as })) }),
  );
  process.env.LATCHKEY_TEST_PLAN = join(copy, "plan.json");
  let still = false;
  let said = Date.now();
  const watch = setInterval(async () => {
    said = Math.max(said, (await stat(plan.results).catch(() => undefined))?.mtimeMs ?? 0);
    if (Date.now() - said < stillMs) return;
    still = true;
    killRunning();
  }, 1000);
  const built = join(copy, "build", test.replace(/\.ts$/, ".js"));
  const { output } = await runFile(built, { timeoutMs: 2 ** 31 - 1, graceMs: 0 }).finally(() => clearInterval(watch));
  if (stopped) throw new Error("stopped");
  const text = await readFile(plan.results, "utf8").catch(() => "");
  const lines = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const atLoad = new Set(lines.find((line) => line.atLoad)?.atLoad ?? []);
  return { lines, output, atLoad, still };
}

const knownFrom = (lines) => {
  const tests = lines.filter((line) => line.label !== undefined);
  return tests.length === 0
    ? undefined
    : Object.fromEntries(tests.map(({ label, places, ms }) => [label, { places, ms }]));
};

/** Writes down what a process found out, and returns the mutants that it did not come to. */
function note(verdicts, mutants, { lines, still }) {
  const byId = new Map(mutants.map((mutant) => [mutant.id, mutant]));
  let begun;
  for (const line of lines) {
    if (line.began !== undefined) begun = `${line.began} ${line.as}`;
    if (line.killed !== undefined) verdicts.set(`${line.killed} ${line.as}`, { by: line.by, error: line.error });
    if (line.survived !== undefined) verdicts.set(`${line.survived} ${line.as}`, {});
    if (line.killed !== undefined || line.survived !== undefined) begun = undefined;
  }
  // A process that ended under a mutant may have ended because of the one before; one that stood still did not.
  if (begun !== undefined && byId.has(begun))
    verdicts.set(begun, still ? { by: "standing still", error: "it took longer" } : { alone: true });
  return mutants.filter(({ id }) => !verdicts.has(id));
}
