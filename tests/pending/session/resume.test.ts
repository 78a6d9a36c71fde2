import * as assert from "uvu/assert";
import { Processes } from "../../support/resume/processes.js";
import { answerNow, resumeAnswered, unloaded, waitInsideTool } from "../../support/resume/scenarios.js";
import { suite } from "../../support/suite.js";
import { fakeAndReal } from "../../support/world.js";

for (const under of fakeAndReal) {
  const test = suite(`Resume on ${under.name}`, { timeoutMs: 60_000 });

  test("the host is killed while OAuth waits: the keeper delivers", async () => {
    await using processes = await Processes.open(under);
    const keeper = await processes.keeper();
    const host = await processes.host("create", { deliver: false });
    await processes.ready(host, keeper);
    const { id } = await processes.entry(({ state }) => state === "open");
    await host.kill();
    await processes.broker();
    const settled = await keeper.next("settled");
    assert.equal([settled.id, settled.outcome], [id, "accepted"]);
    assert.is(processes.world.authorization.issued.byCode, 1);
    assert.is((await processes.ledger.list()).length, 1);
  });

  test("the keeper is killed while OAuth waits: its successor finds the question and delivers", async () => {
    await using processes = await Processes.open(under);
    const keeper = await processes.keeper();
    const host = await processes.host("create", { deliver: false });
    await processes.ready(host, keeper);
    const { id, requestId } = await processes.entry(({ state }) => state === "open");
    await keeper.kill();
    const successor = await processes.keeper({ holds: [processes.sessionId] });
    assert.equal((await successor.next("caught")).requests, [requestId]);
    await host.kill();
    await processes.broker();
    const settled = await successor.next("settled");
    assert.equal([settled.id, settled.outcome], [id, "accepted"]);
    assert.is(processes.world.authorization.issued.byCode, 1);
    assert.is((await processes.ledger.list()).length, 1);
  });

  // What a tool gave is seen by a real model alone.
  if (!under.fake)
    test("host and keeper are killed at once, so the session is unloaded: answered meanwhile, resumed", async () => {
      await using processes = await Processes.open(under);
      const { host, id } = await waitInsideTool(processes);
      const keeper = await processes.keeper({ holds: [processes.sessionId] });
      await Promise.all([host.kill(), keeper.kill()]);
      await unloaded(processes);
      await answerNow(processes, id);
      // The runtime closed the call when it unloaded the session, if it got as far as writing that down.
      await resumeAnswered(processes, id, under, { mayBeClosed: true });
    });

  test("a session without a user message is said to be gone, and its entries are lost", async () => {
    await using processes = await Processes.open(under);
    const host = await processes.host("create");
    await processes.ready(host);
    const { id } = await processes.entry(({ state }) => state === "open");
    await processes.killRuntime(host);
    const next = await processes.host("resume");
    assert.is((await next.next("refused")).code, "NOT_RESUMABLE");
    assert.is((await processes.ledger.get(id))?.state, "lost");
    const [last] = (await processes.ledger.receipts(id)).slice(-1);
    assert.is(last?.state, "lost");
  });
}
