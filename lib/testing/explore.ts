import { createClock, type MovedClock } from "./clock.js";
import { fakeRuntime } from "./fake.js";
import { type Fault, type FaultName, faultNames, placeFault, type TraceLine } from "./faults.js";
import type { Likeness } from "./likeness.js";
import { createRandom } from "./random.js";
import type { FakeRuntime } from "./runtime.js";

/** What a scenario is given. */
export interface Run {
  /** The fake runtime, with the faults of this schedule. */
  readonly fake: FakeRuntime;
  /** The fake's clock; it stands until the scenario moves it. */
  readonly clock: MovedClock;
  /** Aborted when the run's time is over. */
  readonly signal: AbortSignal;
}

/** Plays a host against the fake, and throws when it did what it must not. */
export type Scenario = (run: Run) => Promise<void>;

/** Options of `explore`. */
export interface ExploreOptions {
  /** So many schedules, from seed 1 on; or these seeds. 100 when left out. */
  readonly seeds?: number | readonly (number | string)[];
  /** The faults to choose from; all when left out. */
  readonly faults?: readonly FaultName[];
  /** Faults of one schedule at most. 3 when left out. */
  readonly depth?: number;
  /** How many messages of a run faults may fall on. 40 when left out. */
  readonly messages?: number;
  /** The runtime that the fakes are like. `1.0.102` when left out. */
  readonly like?: Likeness;
  /** Milliseconds after which a run has failed. 2000 when left out. */
  readonly timeoutMs?: number;
}

/** A schedule that failed. */
export interface Failure {
  /** The seed whose schedule failed first. */
  readonly seed: number | string;
  /** The smallest schedule found that still fails: give it to `fakeRuntime` with the seed, or to `explore`'s scenario by hand. */
  readonly faults: readonly Fault[];
  /** What the scenario threw. */
  readonly error: unknown;
  /** The messages of that run, in order. */
  readonly trace: readonly TraceLine[];
}

/** What `explore` found. */
export interface Explored {
  /** Runs, those that made the schedule smaller included. */
  readonly runs: number;
  /** Nothing when every schedule went well. */
  readonly failure?: Failure;
}

/**
 * Runs a scenario under many schedules of faults, each of which follows from its seed, and stops at the first that fails. The schedule is
 * then made smaller as long as it fails: without one of its faults, or with one of them earlier.
 * @example
 * ```ts
 * import { connect } from "latchkey/rpc";
 * import { explore } from "latchkey/testing";
 *
 * const { failure } = await explore(
 *   async ({ fake, signal }) => {
 *     await using rpc = await connect(fake.endpoint, { token: fake.token, signal });
 *     await rpc.request("session.create", {}, { signal });
 *   },
 *   { seeds: 20 },
 * );
 * if (failure) console.error(failure.seed, failure.faults, failure.error);
 * ```
 */
export async function explore(scenario: Scenario, options: ExploreOptions = {}): Promise<Explored> {
  const { seeds = 100, faults: names = faultNames, depth = 3, messages = 40 } = options;
  const list = typeof seeds === "number" ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds;
  let runs = 0;

  async function play(seed: number | string, faults: readonly Fault[]): Promise<Failure | undefined> {
    runs += 1;
    return await playOnce(scenario, seed, faults, options);
  }

  async function smaller(failure: Failure): Promise<Failure> {
    for (const faults of lesser(failure.faults)) {
      const found = await play(failure.seed, faults);
      if (found) return await smaller(found);
    }
    return failure;
  }

  for (const seed of list) {
    const random = createRandom(`schedule ${seed}`);
    const count = 1 + random.below(depth);
    const faults = Array.from({ length: count }, () =>
      placeFault(names[random.below(names.length)] ?? "kill", random, messages),
    );
    const failure = await play(seed, faults);
    if (failure) return { failure: await smaller(failure), runs };
  }
  return { runs };
}

/** Schedules that are less than this one, the least first. */
function* lesser(faults: readonly Fault[]): Generator<readonly Fault[]> {
  for (let index = 0; index < faults.length; index += 1) yield faults.filter((_, at) => at !== index);
  for (const [index, fault] of faults.entries()) {
    if (!("nth" in fault)) continue;
    for (const nth of new Set([1, Math.floor(fault.nth / 2), fault.nth - 1]))
      if (nth >= 1 && nth < fault.nth) yield faults.map((each, at) => (at === index ? { ...fault, nth } : each));
  }
}

async function playOnce(
  scenario: Scenario,
  seed: number | string,
  faults: readonly Fault[],
  { like, timeoutMs = 2000 }: ExploreOptions,
): Promise<Failure | undefined> {
  const clock = createClock();
  await using fake = await fakeRuntime({ seed, faults, clock, ...(like === undefined ? {} : { like }) });
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`the scenario took longer than ${timeoutMs} ms`);
      reject(error);
      over.abort(error);
    }, timeoutMs);
  });
  try {
    await Promise.race([scenario({ fake, clock, signal: over.signal }), late]);
    return undefined;
  } catch (error) {
    return { seed, faults, error, trace: [...fake.trace] };
  } finally {
    clearTimeout(timer);
    over.abort(new Error("the run is over"));
  }
}
