import * as assert from "uvu/assert";
import { answerNow, filesWith, resumeAnswered, turn, unloaded, waitInsideTool } from "../../support/resume/scenes.js";
import { Troupe } from "../../support/resume/troupe.js";
import { suite } from "../../support/suite.js";
import { runtimes } from "../../support/world.js";

for (const under of runtimes) {
  const test = suite(`Resume after the runtime was killed, on ${under.name}`, { timeoutMs: 60_000 });

  test("the runtime is killed while a tool call waits for a token: answered while nothing runs, resumed", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    await troupe.killRuntime(host);
    await answerNow(troupe, id);
    await resumeAnswered(troupe, id, under);
  });

  test("the same, answered only after the resume", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    await troupe.killRuntime(host);
    const next = await troupe.host("resume");
    const ready = await next.next("ready");
    assert.equal([ready.seeded, ready.lost], [[], [id]]);
    const successor = await troupe.entry((entry) => entry.id !== id && entry.state === "open");
    assert.equal(ready.waiting, [{ kind: successor.kind, requestId: successor.requestId }]);
    const before = await troupe.ledger.get(id);
    assert.equal([before?.state, before?.successor], ["superseded", successor.id]);
    assert.is(before?.intent, successor.intent);
    // The call that is made again has no token and fails; the model hears of it.
    if (under.retries) await next.next("idle");
    await troupe.broker();
    await troupe.entry((entry) => entry.id === successor.id && entry.outcome === "accepted");
    await next.next("connected");
    assert.is(troupe.world.authorization.issued.byCode, 2);
    await turn(troupe, next);
    assert.equal(troupe.tools(), ["echo", "whoami"]);
    assert.is(troupe.world.authorization.issued.byCode, 2);
  });

  test("a token that was refused is not given to the resumed session; a good one leaves no trace on disk", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    // The first token was refused by the server; only the second may be given.
    const refused = troupe.world.mcp.knocks.findLast(({ token }) => token !== undefined)?.token;
    assert.ok(refused);
    await troupe.killRuntime(host);
    const first = await troupe.host("resume");
    assert.equal((await first.next("ready")).seeded, []);
    const { id: again } = await troupe.entry((entry) => entry.id !== id && entry.state === "open");
    await first.kill();
    await unloaded(troupe);
    await answerNow(troupe, again);
    const second = await troupe.host("resume");
    assert.equal((await second.next("ready")).seeded, ["notes"]);
    await turn(troupe, second);
    const given = troupe.world.mcp.knocks.findLast(({ token }) => token !== undefined)?.token;
    assert.ok(given !== undefined && given !== refused);
    await troupe.killRuntime(second);
    for (const token of [given, refused]) assert.equal(await filesWith(troupe.stage.home, token), []);
    assert.is(troupe.world.authorization.issued.byCode, 2);
  });
}
