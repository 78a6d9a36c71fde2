import { LedgerError } from "../base/errors.js";
import { type Changes, longestWaitMs } from "./changes.js";
import type { Filter, Transition, WatchOptions } from "./contract.js";
import { type Engine, number } from "./engine/engine.js";
import { entryOf } from "./rows.js";
import { type Scoped, transitions } from "./rules/find.js";
import type { SharedLook } from "./shared-look.js";

const batch = 256;
/** How long until the next look while the store is away. */
const awayPauseMs = 250;

export interface Watched {
  readonly engine: Engine;
  readonly changes: Changes;
  /** The place of the newest transition. */
  readonly head: SharedLook<number>;
  /** Moves entries whose time is over to `expired` and says how many milliseconds until the next one. */
  readonly sweep: SharedLook<number | undefined>;
  readonly closed: AbortSignal;
}

export async function* watch(
  ledger: Watched,
  start: Promise<number>,
  filter: Scoped<Filter>,
  { signal }: WatchOptions,
): AsyncGenerator<Transition> {
  const stop = ledger.changes.use();
  try {
    const ends = signal === undefined ? ledger.closed : AbortSignal.any([ledger.closed, signal]);
    let seq = await start.catch((error: unknown) => {
      if (!ledger.closed.aborted) throw error;
      return 0;
    });
    while (!ledger.closed.aborted) {
      signal?.throwIfAborted();
      const seen = ledger.changes.count;
      let pauseMs = longestWaitMs;
      try {
        const head = await ledger.head.after(seen);
        const { found, next } =
          head.found > seq
            ? await ledger.engine.read(() => transitions(seq, filter, batch))
            : { found: [], next: undefined };
        for (const row of found) {
          seq = number(row.seq);
          yield Object.assign(entryOf(row), { cursor: String(seq) });
        }
        if (next !== undefined) seq = next;
        else if (found.length > 0) continue;
        // What it closes counts as a change since `seen`.
        const swept = await ledger.sweep.after(seen);
        pauseMs = Math.max(0, Math.min((swept.found ?? Number.POSITIVE_INFINITY) - swept.ageMs, longestWaitMs));
      } catch (error) {
        // `seq` is kept, so no transition is missed when the store is back.
        if (!(error instanceof LedgerError) || error.code !== "UNAVAILABLE") throw error;
        pauseMs = awayPauseMs;
      }
      await ledger.changes.after(seen, pauseMs, ends).catch((reason: unknown) => {
        if (!ledger.closed.aborted) throw reason;
      });
    }
  } finally {
    stop();
  }
}
