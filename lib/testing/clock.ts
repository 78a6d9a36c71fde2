/** Where the fake keeps time: timestamps, long polls, the limits of MCP tool calls, and faults that wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `act` after so many milliseconds. Returns what takes that back. */
  after(ms: number, act: () => void): () => void;
}

/** A clock that stands until a test moves it. */
export interface MovedClock extends Clock {
  /** Moves on by so many milliseconds; what falls due on the way runs in order, each at its own time. */
  advance(ms: number): void;
}

/** The time of this machine. Its timers keep no process alive. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * A clock that stands at `start`, an ISO 8601 time or milliseconds since 1970, until it is moved.
 * @example
 * ```ts
 * import { createClock, fakeRuntime } from "latchkey/testing";
 *
 * const clock = createClock();
 * await using fake = await fakeRuntime({ clock });
 * clock.advance(60_000); // a minute for the fake, none for the test
 * ```
 * @throws TypeError when `start` is no time
 */
export function createClock(start: string | number = "2026-01-01T00:00:00.000Z"): MovedClock {
  let now = new Date(start).getTime();
  if (Number.isNaN(now)) throw new TypeError('"start" must be a time');
  const due: { at: number; act: () => void }[] = [];
  return {
    now: () => now,
    after(ms, act) {
      const entry = { at: now + ms, act };
      const index = due.findIndex(({ at }) => at > entry.at);
      due.splice(index < 0 ? due.length : index, 0, entry);
      return () => {
        const found = due.indexOf(entry);
        if (found >= 0) due.splice(found, 1);
      };
    },
    advance(ms) {
      if (!(ms >= 0)) throw new TypeError('"ms" must be a number of milliseconds, at least 0');
      const until = now + ms;
      for (let next = due[0]; next !== undefined && next.at <= until; next = due[0]) {
        due.shift();
        now = Math.max(now, next.at);
        next.act();
      }
      now = until;
    },
  };
}
