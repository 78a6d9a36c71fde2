import { registerInterest } from "latchkey/events";
import { connect, type Rpc } from "latchkey/rpc";
import { createClock, explore, type FakeRuntime, type Fault, fakeRuntime, faultNames } from "latchkey/testing";
import * as assert from "uvu/assert";
import { rejects, suite } from "../support/suite.js";
import { openWire } from "../support/testing/wire.js";

const test = suite("Faults of the fake runtime");

const inMemory = (fake: FakeRuntime): Promise<Rpc> => connect(fake.streams());

async function withFaults(...faults: Fault[]): Promise<{ fake: FakeRuntime; rpc: Rpc }> {
  const fake = await fakeRuntime({ faults });
  return { fake, rpc: await inMemory(fake) };
}

test("drop-reply: the call has its effect, and nothing is said", async () => {
  const { fake, rpc } = await withFaults({ fault: "drop-reply", method: "session.log", nth: 1 });
  await using _ = fake;
  const { sessionId } = await rpc.request("session.create", {});
  const session = rpc.session(sessionId);
  const heard = session.events.wait("session.info");
  await rejects(session.request("log", { message: "heard" }, { timeoutMs: 50 }), { name: "TimeoutError" });
  assert.is((await heard).data.message, "heard");
  await session.request("log", { message: "again" });
});

test("repeat-event: the same event twice on the wire", async () => {
  await using fake = await fakeRuntime({ faults: [{ fault: "repeat-event", type: "session.info", nth: 1 }] });
  await using wire = await openWire(fake);
  const { sessionId } = await wire.ok("session.create", {});
  await wire.ok("session.log", { sessionId, message: "twice" });
  await wire.ok("session.log", { sessionId, message: "once" });
  const ids = wire.events(String(sessionId), "session.info").map(({ id }) => id);
  assert.is(ids.length, 3);
  assert.is(new Set(ids).size, 2);
});

test("ask-before-interest: a server asks though nobody has registered", async () => {
  await using fake = await fakeRuntime({ faults: ["ask-before-interest"] });
  await using wire = await openWire(fake);
  const server = { type: "http", url: "https://files.example/mcp", oauthClientId: "c" };
  const { sessionId } = await wire.ok("session.create", { mcpServers: { files: server } });
  await wire.event(String(sessionId), "mcp.oauth_required");
});

test("cut-frame: at any byte of a frame the connection ends inside it", async () => {
  for (const at of [0, 1, 15, 40]) {
    await using fake = await fakeRuntime({ faults: [{ fault: "cut-frame", nth: 2, at }] });
    const rpc = await inMemory(fake);
    await rejects(rpc.request("ping"), { code: at === 0 ? "CLOSED" : "PROTOCOL" });
    await using next = await inMemory(fake);
    await next.request("ping");
  }
});

test("delay and reorder: late, and in the order of its connection", async () => {
  const { fake, rpc } = await withFaults({ fault: "delay", nth: 3, turns: 30 }, { fault: "reorder", nth: 6 });
  await using _ = fake;
  await using other = await inMemory(fake);
  const order: string[] = [];
  const ping = async (name: string, by: Rpc): Promise<void> => {
    await by.request("ping");
    order.push(name);
  };
  await Promise.all([ping("a1", rpc), ping("b1", other), ping("a2", rpc)]);
  assert.equal(order, ["b1", "a1", "a2"]);
  order.length = 0;
  await Promise.all([ping("a3", rpc), ping("b2", other)]);
  assert.equal(order, ["b2", "a3"]);
});

test("freeze: nothing is done until it goes on", async () => {
  const { fake, rpc } = await withFaults({ fault: "freeze", nth: 2, turns: 50 });
  await using _ = fake;
  let turns = 0;
  const counting = setInterval(() => undefined, 1000);
  const count = (): void => {
    turns += 1;
    if (turns < 200) setImmediate(count);
  };
  setImmediate(count);
  await rpc.request("ping");
  clearInterval(counting);
  assert.ok(turns >= 45, `${turns} turns`);
});

test("kill: at the n-th message; what is on disk is there after the restart, but for the lost tail", async () => {
  await using fake = await fakeRuntime({
    faults: [
      { fault: "kill", nth: 12 },
      { fault: "lose-tail", events: 2 },
    ],
  });
  const rpc = await inMemory(fake);
  const { sessionId } = await rpc.request("session.create", {});
  const before = fake.trace.length;
  assert.ok(before < 12, `${before}`);
  await rejects(
    (async () => {
      for (let n = 0; n < 5; n += 1) await rpc.request("ping");
    })(),
    { code: "CLOSED" },
  );
  await using again = await inMemory(fake);
  await rejects(again.request("session.resume", { sessionId }), { code: "NOT_RESUMABLE" });
  assert.is(fake.trace.filter(({ fault }) => fault === "kill").length, 1);
});

test("the same seed gives the same trace twice, another one another", async () => {
  const play = async (seed: number): Promise<string> => {
    await using fake = await fakeRuntime({ seed, clock: createClock(), faults: [...faultNames] });
    for (let n = 0; n < 4; n += 1) {
      const rpc = await inMemory(fake).catch(() => undefined);
      if (!rpc) continue;
      const made = await rpc
        .request("session.create", { requestPermission: true }, { timeoutMs: 20 })
        .catch(() => undefined);
      if (made) await registerInterest(rpc.session(made.sessionId), "mcp.oauth_required").catch(() => undefined);
      if (made && fake.sessions.includes(made.sessionId)) fake.raise(made.sessionId, "permission.requested");
      await rpc.close();
    }
    return JSON.stringify(fake.trace);
  };
  const [first, second, third] = [await play(7), await play(7), await play(8)];
  assert.ok(first.length > 2000);
  assert.is(first, second);
  assert.is.not(first, third);
});

test("explore finds a host that counts on a reply, gives the smallest schedule, and finds the same again", async () => {
  const scenario = async ({ fake }: { fake: FakeRuntime }): Promise<void> => {
    const rpc = await inMemory(fake);
    for (let n = 0; n < 5; n += 1) await rpc.request("ping", {}, { timeoutMs: 30 });
    await rpc.close();
  };
  const options = { seeds: 50, faults: ["drop-reply", "repeat-event", "delay"] as const, messages: 12 };
  const { failure } = await explore(scenario, options);
  assert.ok(failure);
  assert.equal(failure.faults, [{ fault: "drop-reply", nth: 1 }]);
  assert.is((failure.error as Error).name, "TimeoutError");
  assert.ok(failure.trace.some(({ fault }) => fault === "drop-reply"));
  const again = await explore(scenario, options);
  assert.equal(again.failure?.trace, failure.trace);
  assert.is(again.failure?.seed, failure.seed);
  const unharmed = await explore(scenario, { seeds: 20, faults: ["repeat-event", "delay", "lose-tail"] });
  assert.equal(unharmed, { runs: 20 });
});

test("a clock that a test moves: long polls and the limits of MCP tool calls", async () => {
  const clock = createClock();
  await using fake = await fakeRuntime({ clock });
  await using wire = await openWire(fake);
  const { sessionId } = await wire.ok("session.create", { requestElicitation: true });
  const of = { sessionId: String(sessionId) };
  const { cursor } = await wire.ok("session.eventLog.tail", of);
  const polled = wire.ok("session.eventLog.read", { ...of, cursor, waitMs: 600_000 });
  await wire.ok("ping");
  clock.advance(29_999);
  await wire.ok("ping");
  clock.advance(1);
  assert.equal((await polled).events, [], "capped at 30 s");

  const requestId = fake.raise(of.sessionId, "elicitation.requested");
  clock.advance(180_000);
  const { data } = await wire.event(of.sessionId, "tool.execution_complete");
  assert.match(JSON.stringify(data), "MCP error -32001: Request timed out");
  assert.equal(
    fake.requests.map(({ state }) => state),
    ["deaf"],
  );
  const late = { ...of, requestId, result: { action: "accept" } };
  assert.equal(await wire.ok("session.ui.handlePendingElicitation", late), { success: true });
  assert.equal(wire.events(of.sessionId, "elicitation.completed"), []);
});
