import { follow } from "latchkey/events";
import * as assert from "uvu/assert";
import { begin, gaps, log, readTo, text } from "../../support/follow.js";
import { trapStrayRejections } from "../../support/pair.js";
import { rejects, suite, within } from "../../support/suite.js";
import { fakeAndReal, openWorld, startTestRuntime, type TestRuntime, type World } from "../../support/world.js";

for (const under of fakeAndReal) {
  const test = suite(`Following the event log on ${under.name}`);
  trapStrayRejections(test);
  let testRuntime: TestRuntime;
  let world: World;
  test.before(async () => {
    testRuntime = await startTestRuntime(under);
    world = await openWorld();
  });
  test.after(async () => {
    await testRuntime.close();
    await world.close();
  });

  test("from the beginning, in order, and on from each cursor without missing any", async () => {
    await using rpc = await testRuntime.connect();
    const session = await begin(rpc, world);
    for (const message of ["a", "b", "c"]) await log(session, message);
    const seen = await readTo(session, "c");
    assert.ok(seen.slice(0, 4).some(({ event }) => event.type === "session.start"));
    assert.equal(gaps(seen), []);
    const { events } = await session.request("eventLog.read", { max: 1000 });
    assert.equal(
      seen.map(({ event }) => event.id),
      events.map(({ id }) => id),
    );
    await log(session, "d");
    for (const [at, { cursor }] of seen.entries()) {
      const again = await readTo(session, "d", { cursor });
      assert.equal(gaps(again), []);
      const rest = again.map(({ event }) => event.id);
      for (const { event } of seen.slice(at + 1)) assert.ok(rest.includes(event.id), `${event.type} after ${at}`);
    }
    const last = await readTo(session, "d", { cursor: seen.at(-1)?.cursor });
    assert.equal(last.map(text), ["d"]);
  });

  test("from the tail: what is new, and as it comes", async () => {
    await using rpc = await testRuntime.connect();
    const session = await begin(rpc, world);
    const { cursor } = await session.request("eventLog.tail");
    const items = follow(session, { cursor, waitMs: 5_000 });
    for (const message of ["first", "second"]) {
      const next = items.next();
      await log(session, message);
      const { value } = await within(3_000, next, "the next event");
      assert.is(value && text(value), message);
    }
    await items.return();
    assert.ok((await items.next()).done);
  });

  test("only the types that were asked for, with a cursor that goes on behind them", async () => {
    await using rpc = await testRuntime.connect();
    const session = await begin(rpc, world);
    await log(session, "x");
    const types = ["user.message", "session.info"] as const;
    const seen = await readTo(session, "x", { types });
    assert.equal(
      seen.map(({ event }) => event.type),
      ["user.message", "session.info"],
    );
    await log(session, "y");
    assert.equal((await readTo(session, "y", { cursor: seen[1]?.cursor })).map(text), ["y"]);
  });

  test("a signal ends a poll at once with its reason", async () => {
    await using rpc = await testRuntime.connect();
    const session = await begin(rpc, world);
    const { cursor } = await session.request("eventLog.tail");
    const abort = new AbortController();
    const next = follow(session, { cursor, waitMs: 30_000, signal: abort.signal }).next();
    const failed = rejects(next, { message: /enough/ });
    await rpc.request("ping");
    abort.abort(new Error("enough"));
    await within(2_000, failed, "the end of the poll");
    await rejects(follow(session, { signal: abort.signal }).next(), { message: /enough/ });
  });

  test("the end of the connection ends it", async () => {
    const rpc = await testRuntime.connect();
    const session = await begin(rpc, world);
    const { cursor } = await session.request("eventLog.tail");
    const failed = rejects(follow(session, { cursor, waitMs: 30_000 }).next(), { code: "ENDED" });
    await rpc.request("ping");
    await rpc.close();
    await failed;
  });

  test("an attach waits no longer than a poll", async () => {
    await using rpc = await testRuntime.connect();
    await using other = await testRuntime.connect();
    const session = await begin(rpc, world);
    const { cursor } = await session.request("eventLog.tail");
    const abort = new AbortController();
    const ended = rejects(follow(session, { cursor, signal: abort.signal }).next(), { message: /done/ });
    await rpc.request("ping");
    const attach = other.request("session.resume", { sessionId: session.id, disableResume: true });
    await within(5_000, attach, "an attach while the log is followed");
    abort.abort(new Error("done"));
    await ended;
  });
}
