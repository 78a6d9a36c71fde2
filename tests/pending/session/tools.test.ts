/** External tool calls that wait: from the runtime's own list where it has one, from the log where not. */

import { deliverAnswers, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { readAsked } from "latchkey/pending";
import type { Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../../support/ledger/place.js";
import { suite, within } from "../../support/suite.js";
import { cli, onDisk, openWorld, runtimes, startTestRuntime, type World } from "../../support/world.js";

const ticket = { name: "ticket", description: "Makes a ticket.", parameters: { type: "object", properties: {} } };
const params = (world: World) => ({
  ...world.sessionParams(),
  mcpServers: {},
  tools: [{ ...ticket, skipPermission: true }],
});

/** A session whose tool call waits. */
async function waiting(rpc: Rpc, world: World, home: string): Promise<{ sessionId: string; requestId: string }> {
  const { sessionId } = await rpc.request("session.create", params(world));
  const session = rpc.session(sessionId);
  const asked = session.events.wait("external_tool.requested", { timeoutMs: 10_000 });
  world.model.say({ tool: "ticket" });
  await session.request("send", { prompt: "A ticket, please." });
  const { requestId } = (await asked).data;
  await onDisk(home, sessionId, requestId);
  return { sessionId, requestId };
}

for (const under of runtimes) {
  const test = suite(`Waiting tool calls on ${under.name}`, { timeoutMs: 60_000 });
  let place: Place;
  test.before(async () => {
    place = await sqlitePlace();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  test("over a killed runtime: found again with what they are called with", async () => {
    await using testRuntime = await startTestRuntime(under);
    await using world = await openWorld();
    const { sessionId, requestId } = await waiting(await testRuntime.connect(), world, testRuntime.home);
    await testRuntime.restart();
    await using rpc = await testRuntime.connect();
    await rpc.request("session.resume", { ...params(world), sessionId, continuePendingWork: true });
    const { events } = await readAsked(rpc.session(sessionId));
    assert.equal(
      events.map(({ type, data }) => [type, data.requestId, "toolName" in data && data.toolName]),
      [["external_tool.requested", requestId, "ticket"]],
    );
  });

  test("given up with the load: known where the runtime tells, and its answer is not sent", async () => {
    await using testRuntime = await startTestRuntime(under);
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    const first = await testRuntime.connect();
    const recorder = recordPending(first, ledger);
    const { sessionId, requestId } = await waiting(first, world, testRuntime.home);
    await recorder.idle();
    await testRuntime.restart();
    const [entry] = await ledger.list({ sessionId });
    assert.is(entry?.requestId, requestId);
    await ledger.answer(entry?.id ?? "", { result: "ticket 17" });

    await using rpc = await testRuntime.connect();
    await rpc.request("session.resume", { ...params(world), sessionId, continuePendingWork: false });
    const { events, toolsListed } = await readAsked(rpc.session(sessionId));
    assert.equal(
      events.map(({ data }) => data.requestId),
      under === cli ? [] : [requestId],
    );
    assert.is(toolsListed, under === cli);
    await using deliverer = deliverAnswers(rpc, ledger);
    const over = within(
      10_000,
      Promise.race([deliverer.events.wait("lost"), deliverer.events.wait("settled")]),
      "the deliverer",
    );
    const { state, outcome } = await over;
    if (under === cli) assert.is(state, "lost", "nothing was sent");
    else assert.equal([state, outcome], ["settled", "unknown"]);
  });
}
