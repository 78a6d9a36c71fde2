import * as assert from "uvu/assert";
import { answerNow, resumeAnswered, unloaded, waitInsideTool } from "../../support/resume/scenes.js";
import { Troupe } from "../../support/resume/troupe.js";
import { suite } from "../../support/suite.js";
import { runtimes } from "../../support/world.js";

for (const under of runtimes) {
  const test = suite(`Resume on ${under.name}`, { timeoutMs: 60_000 });

  test("the host is killed while OAuth waits: the keeper delivers", async () => {
    await using troupe = await Troupe.open(under);
    const keeper = await troupe.keeper();
    const host = await troupe.host("create", { deliver: false });
    await troupe.ready(host, keeper);
    const { id } = await troupe.entry(({ state }) => state === "open");
    await host.kill();
    await troupe.broker();
    const settled = await keeper.next("settled");
    assert.equal([settled.id, settled.outcome], [id, "accepted"]);
    assert.is(troupe.world.authorization.issued.byCode, 1);
    assert.is((await troupe.ledger.list()).length, 1);
  });

  test("the keeper is killed while OAuth waits: its successor finds the question and delivers", async () => {
    await using troupe = await Troupe.open(under);
    const keeper = await troupe.keeper();
    const host = await troupe.host("create", { deliver: false });
    await troupe.ready(host, keeper);
    const { id, requestId } = await troupe.entry(({ state }) => state === "open");
    await keeper.kill();
    const successor = await troupe.keeper({ holds: [troupe.sessionId] });
    assert.equal((await successor.next("caught")).requests, [requestId]);
    await host.kill();
    await troupe.broker();
    const settled = await successor.next("settled");
    assert.equal([settled.id, settled.outcome], [id, "accepted"]);
    assert.is(troupe.world.authorization.issued.byCode, 1);
    assert.is((await troupe.ledger.list()).length, 1);
  });

  test("host and keeper are killed at once, so the session is unloaded: answered meanwhile, resumed", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    const keeper = await troupe.keeper({ holds: [troupe.sessionId] });
    await Promise.all([host.kill(), keeper.kill()]);
    await unloaded(troupe);
    await answerNow(troupe, id);
    // The runtime closed the call when it unloaded the session, if it got as far as writing that down.
    await resumeAnswered(troupe, id, under, { mayBeClosed: true });
  });

  test("a session without a user message is said to be gone, and its entries are lost", async () => {
    await using troupe = await Troupe.open(under);
    const host = await troupe.host("create");
    await troupe.ready(host);
    const { id } = await troupe.entry(({ state }) => state === "open");
    await troupe.killRuntime(host);
    const next = await troupe.host("resume");
    assert.is((await next.next("refused")).code, "NOT_RESUMABLE");
    assert.is((await troupe.ledger.get(id))?.state, "lost");
    const [last] = (await troupe.ledger.receipts(id)).slice(-1);
    assert.is(last?.state, "lost");
  });
}
