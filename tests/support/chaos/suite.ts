import * as assert from "uvu/assert";
import { suite } from "../suite.js";
import type { RuntimeUnderTest } from "../world.js";
import { runChaos } from "./run.js";
import { scheduleOf } from "./schedule.js";

/** A few of the rounds that `npm run chaos` plays by the hundred, on one runtime and both engines. */
const seeds = [1, 2, 3, 4, 5];

export function chaosSuite(under: RuntimeUnderTest): void {
  const test = suite(`Chaos on ${under.name}`, { timeoutMs: 110_000 });

  test("a seed always makes the same schedule", () => {
    for (let seed = 1; seed <= 20; seed += 1) assert.equal(scheduleOf(seed), scheduleOf(seed));
    assert.is.not(JSON.stringify(scheduleOf(7)), JSON.stringify(scheduleOf(8)));
  });

  for (const engine of ["sqlite", "postgres"] as const) {
    test(`${seeds.length} rounds on ${engine}`, async () => {
      const { rounds, handles } = await runChaos({ under, engine, seeds });
      const failed = rounds.filter(({ report }) => report.problems.length > 0);
      assert.equal(
        failed.map(({ seed, report }) => ({ seed, problems: report.problems })),
        [],
      );
      assert.ok((handles.at(-1) ?? 0) <= (handles[0] ?? 0) + 10, `open files: ${handles.join(" ")}`);
    });
  }
}
