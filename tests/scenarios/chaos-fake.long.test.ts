/** A few of the rounds that `npm run chaos -- --runtime fake` plays by the thousand. */
import * as assert from "uvu/assert";
import type { FakeReport } from "../support/chaos/fake-round.js";
import { runFakeChaos } from "../support/chaos/fake-run.js";
import { fakeScheduleOf } from "../support/chaos/fake-schedule.js";
import { suite } from "../support/suite.js";

const test = suite("Chaos on the fake runtime", { timeoutMs: 150_000 });

test("a seed always makes the same schedule", () => {
  for (let seed = 1; seed <= 20; seed += 1) assert.equal(fakeScheduleOf(seed), fakeScheduleOf(seed));
  assert.is.not(JSON.stringify(fakeScheduleOf(7)), JSON.stringify(fakeScheduleOf(8)));
});

test("hosts, keepers, brokers and the runtime are killed, and faults are on the wire: the books balance", async () => {
  const reports: FakeReport[] = [];
  const seeds = Array.from({ length: 12 }, (_, index) => index + 1);
  const failed = await runFakeChaos({ seeds, onRound: (_, report) => reports.push(report) });
  assert.equal(
    failed.map(({ seed, report }) => ({ seed, problems: report.problems })),
    [],
  );
  assert.ok(reports.reduce((sum, { kills }) => sum + kills, 0) > 12);
  assert.ok(reports.every(({ entries }) => entries > 0));
});
