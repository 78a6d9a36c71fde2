import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collect } from "../collect.js";
import { key } from "../ledger/place.js";
import { startPostgres } from "../ledger/postgres-server.js";
import { type RuntimeUnderTest, startTestRuntime } from "../world.js";
import { playRound, type Report } from "./round.js";
import { scheduleOf } from "./schedule.js";

export interface ChaosOptions {
  readonly under: RuntimeUnderTest;
  readonly engine: "sqlite" | "postgres";
  readonly seeds: readonly number[];
  /** Hears what happens in a round. */
  readonly log?: ((line: string) => void) | undefined;
  readonly onRound?: ((seed: number, report: Report) => void) | undefined;
}

export interface ChaosReport {
  readonly rounds: readonly { readonly seed: number; readonly report: Report }[];
  /** Open files of this process after each round and a garbage collection. */
  readonly handles: readonly number[];
  /** Open files of the runtime after each round; a killed one begins anew. */
  readonly runtimeHandles: readonly number[];
}

/** Rounds one after the other on one runtime, each with a world and a ledger of its own. */
export async function runChaos({ under, engine, seeds, log, onRound }: ChaosOptions): Promise<ChaosReport> {
  await using testRuntime = await startTestRuntime(under);
  await using server = engine === "postgres" ? await startPostgres() : undefined;
  const folder = await mkdtemp(join(tmpdir(), "latchkey-chaos-"));
  const rounds: { seed: number; report: Report }[] = [];
  const handles: number[] = [];
  const runtimeHandles: number[] = [];
  try {
    for (const [index, seed] of seeds.entries()) {
      const own = join(folder, `${index}`);
      const location = server ? await server.location() : join(own, "ledger.db");
      const ground = { testRuntime, location, key, ...(server ? {} : { folder: own }), ...(log ? { log } : {}) };
      const report = await playRound(scheduleOf(seed), ground);
      rounds.push({ seed, report });
      onRound?.(seed, report);
      // On Node 20 the files of an SQLite ledger that is closed stay open until its statements are collected.
      collect();
      handles.push(await openFiles("self"));
      runtimeHandles.push(await openFiles(testRuntime.runtime.pid));
      if (report.problems.length === 0) await rm(own, { recursive: true, force: true });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { rounds, handles, runtimeHandles };
}

async function openFiles(pid: number | "self"): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}
