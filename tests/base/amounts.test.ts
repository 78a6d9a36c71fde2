import { createEvents, follow } from "latchkey/events";
import { keepSessions } from "latchkey/keeper";
import { attend, resume } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { longestTimerMs, startTimer } from "../../lib/base/amounts.js";
import { pause } from "../../lib/base/until.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("Lengths of time");

const noWait: readonly unknown[] = [Number.NaN, -1, Number.NEGATIVE_INFINITY, "1000", null, {}];
/** Fails the test as soon as anything is asked of it. */
const untouched: object = new Proxy({}, { get: (_, name) => assert.unreachable(String(name)) });

test("what is no length of time is a TypeError wherever one is taken, before anything is done", async () => {
  const events = createEvents();
  for (const ms of noWait) {
    const wrong = { type: TypeError };
    const call = (call: (...args: never[]) => unknown, ...args: unknown[]) =>
      rejects(async () => await Reflect.apply(call, undefined, args), wrong);
    await call(events.wait, "session.idle", { timeoutMs: ms });
    await call(connect, { port: 1 }, { timeoutMs: ms });
    await call(attend, untouched, { settleMs: ms });
    await call(resume, untouched, { sessionId: "s" }, { settleMs: ms });
    await call(keepSessions, untouched, { timeoutMs: ms });
    await rejects(async () => await Reflect.apply(follow, undefined, [untouched, { waitMs: ms }]).next(), wrong);
  }
  for (const limit of [0, -1, Number.NaN, 1.5, "5"])
    await rejects(() => Reflect.apply(events.stream, undefined, ["*", { limit }]), { type: TypeError });
  for (const maxFrameBytes of [0, -1, Number.NaN, "5"])
    await rejects(() => Reflect.apply(connect, undefined, [{ port: 1 }, { maxFrameBytes }]), { type: TypeError });
});

test("a time longer than a timer can count does not end at once", async () => {
  const events = createEvents();
  const abort = new AbortController();
  for (const timeoutMs of [longestTimerMs + 1, 2 ** 40, 1e300, Number.POSITIVE_INFINITY]) {
    let ended = false;
    const waiting = events.wait("session.idle", { timeoutMs, signal: abort.signal }).catch(() => {
      ended = true;
    });
    await pause(20, abort.signal);
    assert.is(ended, false, String(timeoutMs));
    void waiting;
  }
  abort.abort();
});

test("a timer counts on behind the longest one", async () => {
  const real = globalThis.setTimeout;
  const waits: number[] = [];
  try {
    globalThis.setTimeout = ((act: () => void, ms: number) => {
      waits.push(ms);
      return real(act, 0);
    }) as typeof setTimeout;
    await new Promise<void>((resolve) => startTimer(2 * longestTimerMs + 5, resolve));
  } finally {
    globalThis.setTimeout = real;
  }
  assert.equal(waits, [longestTimerMs, longestTimerMs, 5]);
});
