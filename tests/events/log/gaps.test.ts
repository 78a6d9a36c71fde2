import * as assert from "uvu/assert";
import { begin, gaps, log, paramsOf, readTo, reload, text } from "../../support/follow.js";
import { trapStrayRejections } from "../../support/pair.js";
import { suite } from "../../support/suite.js";
import { fakeAndReal, openWorld, startTestRuntime, type TestRuntime, type World } from "../../support/world.js";

for (const under of fakeAndReal) {
  const test = suite(`Gaps in the event log on ${under.name}`);
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

  test("overrun: more events than the log keeps are missing, counted, and reported once", async () => {
    await using rpc = await testRuntime.connect();
    const session = await begin(rpc, world);
    const { cursor } = await session.request("eventLog.tail");
    const sent = 5_000;
    for (let at = 0; at < sent; at += 250)
      await Promise.all(Array.from({ length: 250 }, (_, n) => log(session, `m${at + n}`)));
    // Calls that are out together are logged in any order.
    await log(session, "last");
    const seen = await readTo(session, "last", { cursor });
    const [gap, ...others] = gaps(seen);
    assert.is(gap?.reason, "overrun");
    assert.equal(others, []);
    assert.ok(seen[0]?.gap, "reported with the first event behind it");
    assert.is((gap?.missed ?? 0) + seen.length, sent + 1);
    assert.ok(seen.length < 4_500);
  });

  test("expired: a cursor that the runtime does not know, and the log from its beginning", async () => {
    await using rpc = await testRuntime.connect();
    const session = await begin(rpc, world);
    await log(session, "x");
    for (const cursor of ["garbage", "00000000-0000-4000-8000-000000000000|3"]) {
      const seen = await readTo(session, "x", { cursor });
      assert.equal(gaps(seen), [{ reason: "expired" }]);
      assert.equal(seen[0]?.gap, { reason: "expired" });
      assert.ok(seen.slice(0, 4).some(({ event }) => event.type === "session.start"));
    }
  });

  for (const [how, before, after] of [
    ["the new log is shorter", 40, 3],
    ["the new log has grown past the cursor", 3, 60],
  ] as const)
    test(`reloaded: ${how}: told once, nothing of the new load missed, nothing of the old shown twice`, async () => {
      await using rpc = await testRuntime.connect();
      const session = await begin(rpc, world);
      for (let n = 0; n < before; n += 1) await log(session, `old${n}`);
      const old = await readTo(session, `old${before - 1}`);
      await reload(rpc, world, session);
      for (let n = 0; n < after; n += 1) await log(session, `new${n}`);
      const seen = await readTo(session, `new${after - 1}`, { cursor: old.at(-1)?.cursor });
      assert.equal(gaps(seen), [{ reason: "reloaded" }]);
      assert.ok(seen[0]?.gap);
      const known = new Set(old.map(({ event }) => event.id));
      assert.equal(
        seen.filter(({ event }) => known.has(event.id)).map(text),
        [],
        "what was seen before does not come again",
      );
      const messages = seen.map(text).filter((message) => message.startsWith("new"));
      assert.equal(
        messages,
        Array.from({ length: after }, (_, n) => `new${n}`),
      );
      assert.ok(seen.some(({ event }) => event.type === "session.resume"));
    });

  test("reloaded after kill -9 with nothing persisted since: told while the new log is shorter", async () => {
    const first = await testRuntime.connect();
    const { id } = await begin(first, world);
    for (let n = 0; n < 30; n += 1) await log(first.session(id), `old${n}`);
    const old = await readTo(first.session(id), "old29");
    await testRuntime.restart();
    await using rpc = await testRuntime.connect();
    await rpc.request("session.resume", { ...paramsOf(world), sessionId: id, disableResume: true });
    const session = rpc.session(id);
    await log(session, "new");
    const seen = await readTo(session, "new", { cursor: old.at(-1)?.cursor });
    assert.equal(gaps(seen), [{ reason: "reloaded" }]);
    const known = new Set(old.map(({ event }) => event.id));
    assert.not.ok(seen.some(({ event }) => known.has(event.id)));
  });
}
