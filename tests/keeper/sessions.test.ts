import { LatchkeyError } from "latchkey";
import { keepSessions } from "latchkey/keeper";
import type { Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { provocations } from "../support/kinds/provocations.js";
import { suite } from "../support/suite.js";
import { fakeAndReal, openWorld, runTurn, startTestRuntime, type TestRuntime } from "../support/world.js";

const isLoaded = (rpc: Rpc, sessionId: string) => rpc.session(sessionId).request("eventLog.tail");

/** Unloading follows the last detachment, not at once. */
async function isUnloaded(rpc: Rpc, sessionId: string): Promise<void> {
  for (const began = performance.now(); performance.now() - began < 5000; ) {
    const error = await isLoaded(rpc, sessionId).catch((reason: unknown) => reason);
    if (error instanceof LatchkeyError && error.code === "SESSION_NOT_FOUND") return;
  }
  throw new Error("still loaded");
}

for (const under of fakeAndReal) {
  const test = suite(`Keeper on ${under.name}`);
  let testRuntime: TestRuntime;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());

  test("holds every session when it is born, once, and outlives the owners", async () => {
    const keeping = await testRuntime.connect();
    const keeper = keepSessions(keeping);
    const attaches: string[] = [];
    keeper.events.on("held", ({ sessionId }) => attaches.push(sessionId));
    await using outsider = await testRuntime.connect();
    const owner = await testRuntime.connect();
    const ids: string[] = [];
    for (let i = 0; i < 10; i += 1) {
      const held = keeper.events.wait("held", { timeoutMs: 5000 });
      const { sessionId } = await owner.request("session.create", {});
      ids.push(sessionId);
      assert.is((await held).sessionId, sessionId);
    }
    await owner.close();
    for (const id of ids) await isLoaded(outsider, id);
    assert.equal(attaches, ids);
    assert.equal([...keeper.holds.keys()], ids);

    const [first = "", second = ""] = ids;
    await keeper.holds.get(first)?.release();
    assert.not(keeper.holds.has(first));
    await isUnloaded(outsider, first);
    await isLoaded(outsider, second);
    await keeping.close();
    await isUnloaded(outsider, second);
  });

  test("holds what the filter accepts, and nothing after it is closed", async () => {
    await using keeping = await testRuntime.connect();
    await using owner = await testRuntime.connect();
    const asked: string[] = [];
    const wanted = "6a1f6e0e-5b7e-4a39-9f6e-0d6f4f3a2b11";
    using keeper = keepSessions(keeping, {
      filter: ({ sessionId }) => {
        asked.push(sessionId);
        return sessionId === wanted;
      },
    });
    const held = keeper.events.wait("held", { timeoutMs: 5000 });
    const { sessionId } = await owner.request("session.create", {});
    await owner.request("session.create", { sessionId: wanted });
    await held;
    assert.equal(asked, [sessionId, wanted], "each once");
    assert.equal([...keeper.holds.keys()], [wanted]);
    keeper.close();
    const born = keeping.events.wait("session.lifecycle", {
      where: ({ event }) => event.type === "session.created",
      timeoutMs: 5000,
    });
    await owner.request("session.create", {});
    await born;
    assert.is(asked.length, 2);
  });

  test("coming late it says so where a call blocks the session, and wedges nothing", async () => {
    await using world = await openWorld();
    await using owner = await testRuntime.connect();
    const { sessionId } = await owner.request("session.create", world.sessionParams());
    const session = owner.session(sessionId);
    const asked = session.events.wait("elicitation.requested", { timeoutMs: 5000 });
    const returned = provocations.elicitation.start(session).catch((error: unknown) => error);
    const { requestId } = (await asked).data;

    await using keeping = await testRuntime.connect();
    using keeper = keepSessions(keeping, { updated: true, timeoutMs: 2000 });
    const missed = keeper.events.wait("missed", { timeoutMs: 5000 });
    await runTurn(session, "Hello.");
    const { sessionId: which, error } = await missed;
    assert.is(which, sessionId);
    assert.ok(error instanceof LatchkeyError && error.code === "BUSY");
    await session.request("ui.handlePendingElicitation", { requestId, result: { action: "decline" } });
    assert.equal(await returned, { action: "decline" });
  });

  test("asked to, it holds sessions that were loaded again", async () => {
    await using world = await openWorld();
    const params = world.sessionParams();
    await using owner = await testRuntime.connect();
    const { sessionId } = await owner.request("session.create", params);
    await runTurn(owner.session(sessionId), "Hello.");
    await owner.request("session.destroy", { sessionId });

    await using keeping = await testRuntime.connect();
    using keeper = keepSessions(keeping, { updated: true, filter: (said) => said.sessionId === sessionId });
    const held = keeper.events.wait("held", { timeoutMs: 5000 });
    await owner.request("session.resume", { ...params, sessionId });
    await held;
    await owner.request("session.destroy", { sessionId });
    await isLoaded(keeping, sessionId);
  });
}
