import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeReport, playFakeRound } from "./fake-round.js";
import { fakeScheduleOf } from "./fake-schedule.js";

export interface FakeChaosOptions {
  readonly seeds: readonly number[];
  /** Rounds that are played at a time: most of a round is waiting for leases. */
  readonly atOnce?: number;
  readonly onRound?: (seed: number, report: FakeReport) => void;
}

/** Rounds on the fake runtime, each with a ledger of its own. Returns those that failed. */
export async function runFakeChaos({ seeds, atOnce = 4, onRound }: FakeChaosOptions) {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-chaos-"));
  const failed: { seed: number; report: FakeReport }[] = [];
  const left = [...seeds];
  const play = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const own = join(folder, String(seed));
      const report = await playFakeRound(fakeScheduleOf(seed), join(own, "ledger.db"));
      onRound?.(seed, report);
      if (report.problems.length > 0) failed.push({ seed, report });
      await rm(own, { recursive: true, force: true });
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, play));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return failed;
}
