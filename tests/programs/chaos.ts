/**
 * npm run chaos -- --rounds N --seed S [--engine sqlite|postgres] [--runtime 1.0.85|1.0.102|fake] [--verbose]
 * Round i plays seed S + i; a seed that failed is played again with --rounds 1. Without an engine or a runtime: all real ones.
 * On the fake a round is played in this process, on SQLite, and takes a fraction of a second.
 */
import { parseArgs } from "node:util";
import { runFakeChaos } from "../support/chaos/fake-run.js";
import { fakeScheduleOf } from "../support/chaos/fake-schedule.js";
import { runChaos } from "../support/chaos/run.js";
import { scheduleOf } from "../support/chaos/schedule.js";
import { allRuntimes } from "../support/world.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    engine: { type: "string" },
    runtime: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
// Ends its processes with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const first = Number(values.seed);
const seeds = Array.from({ length: Number(values.rounds) }, (_, index) => first + index);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
if (values.runtime === "fake") process.exit(await playOnFake());

const engines = (["sqlite", "postgres"] as const).filter(
  (name) => values.engine === undefined || name === values.engine,
);
const chosen = allRuntimes.filter(({ name }) => values.runtime === undefined || name === values.runtime);
if (engines.length === 0 || chosen.length === 0 || seeds.some((seed) => !Number.isSafeInteger(seed)))
  throw new TypeError("see the head of tests/programs/chaos.ts");

const sum = {
  rounds: 0,
  failed: 0,
  kills: 0,
  stops: 0,
  entries: 0,
  tokens: 0,
  tokensAgain: 0,
  runsAgain: 0,
  stalls: 0,
};
const outcomes: Record<string, number> = {};
for (const under of chosen) {
  for (const engine of engines) {
    say(`${under.name} ${engine}, seeds ${seeds[0]} to ${seeds.at(-1)}`);
    const { handles, runtimeHandles } = await runChaos({
      under,
      engine,
      seeds,
      log: values.verbose ? say : undefined,
      onRound(seed, report) {
        sum.rounds += 1;
        for (const name of ["kills", "stops", "entries", "tokens", "tokensAgain", "runsAgain", "stalls"] as const)
          sum[name] += report[name];
        for (const [name, count] of Object.entries(report.outcomes)) outcomes[name] = (outcomes[name] ?? 0) + count;
        if (report.stalls > 0 && !values.verbose) for (const line of report.trace) say(`    ${line}`);
        if (report.problems.length === 0) {
          if (values.verbose) say(`seed ${seed}: ${JSON.stringify({ ...report, trace: undefined })}`);
          return;
        }
        sum.failed += 1;
        say(`FAILED seed ${seed} on ${under.name} ${engine} after ${report.seconds.toFixed(1)} s`);
        for (const problem of report.problems) say(`  ${problem}`);
        if (!values.verbose) for (const line of report.trace) say(`    ${line}`);
        say(`  schedule ${JSON.stringify(scheduleOf(seed))}`);
      },
    });
    say(
      `open files after the first round ${handles[0]}, at most ${Math.max(...handles)}, after the last ${handles.at(-1)}; of the runtime ${runtimeHandles[0]}, ${Math.max(...runtimeHandles)}, ${runtimeHandles.at(-1)}`,
    );
  }
}
say(JSON.stringify({ ...sum, outcomes }));
process.exitCode = sum.failed === 0 ? 0 : 1;

async function playOnFake(): Promise<number> {
  const began = performance.now();
  const total = { rounds: 0, failed: 0, kills: 0, entries: 0, tokens: 0, tokensAgain: 0, stalls: 0 };
  const ends: Record<string, number> = {};
  await runFakeChaos({
    seeds,
    onRound(seed, report) {
      total.rounds += 1;
      for (const name of ["kills", "entries", "tokens", "tokensAgain", "stalls"] as const) total[name] += report[name];
      for (const [name, count] of Object.entries(report.outcomes)) ends[name] = (ends[name] ?? 0) + count;
      if (values.verbose) say(`seed ${seed}: ${JSON.stringify({ ...report, trace: undefined })}`);
      if (report.problems.length === 0) return;
      total.failed += 1;
      say(`FAILED seed ${seed} on the fake after ${report.seconds.toFixed(1)} s`);
      for (const problem of report.problems) say(`  ${problem}`);
      for (const line of report.trace) say(`    ${line}`);
      say(`  schedule ${JSON.stringify(fakeScheduleOf(seed))}`);
    },
  });
  const seconds = Math.round((performance.now() - began) / 1000);
  say(JSON.stringify({ ...total, seconds, outcomes: ends }));
  return total.failed === 0 ? 0 : 1;
}
