import { LedgerError } from "../base/errors.js";
import { type Changes, longestWaitMs } from "./changes.js";
import type { Filter, Transition, WatchOptions } from "./contract.js";
import { type Engine, number } from "./engine/engine.js";
import { entryOf } from "./rows.js";
import { type Scoped, transitions } from "./rules/find.js";

const batch = 256;
/** How long until the next look while the store is away. */
const awayPauseMs = 250;

export interface Watched {
  readonly engine: Engine;
  readonly changes: Changes;
  /** Moves entries whose time is over to `expired` and says how many milliseconds until the next one. */
  sweep(): Promise<number | undefined>;
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
        const { found, next } = await ledger.engine.read(() => transitions(seq, filter, batch));
        for (const row of found) {
          seq = number(row.seq);
          yield Object.assign(entryOf(row), { cursor: String(seq) });
        }
        if (next !== undefined) seq = next;
        else if (found.length > 0) continue;
        // What it closes counts as a change since `seen`.
        pauseMs = Math.min((await ledger.sweep()) ?? longestWaitMs, longestWaitMs);
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
