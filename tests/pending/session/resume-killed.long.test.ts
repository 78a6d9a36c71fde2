import * as assert from "uvu/assert";
import { Processes } from "../../support/resume/processes.js";
import {
  answerNow,
  filesWith,
  resumeAnswered,
  turn,
  unloaded,
  waitInsideTool,
} from "../../support/resume/scenarios.js";
import { suite } from "../../support/suite.js";
import { runtimes } from "../../support/world.js";

for (const under of runtimes) {
  const test = suite(`Resume after the runtime was killed, on ${under.name}`, { timeoutMs: 60_000 });

  test("the runtime is killed while a tool call waits for a token: answered while nothing runs, resumed", async () => {
    await using processes = await Processes.open(under);
    const { host, id } = await waitInsideTool(processes);
    await processes.killRuntime(host);
    await answerNow(processes, id);
    await resumeAnswered(processes, id, under);
  });

  test("the same, answered only after the resume", async () => {
    await using processes = await Processes.open(under);
    const { host, id } = await waitInsideTool(processes);
    await processes.killRuntime(host);
    const next = await processes.host("resume");
    const ready = await next.next("ready");
    assert.equal([ready.seeded, ready.lost], [[], [id]]);
    const successor = await processes.entry((entry) => entry.id !== id && entry.state === "open");
    assert.equal(ready.waiting, [{ kind: successor.kind, requestId: successor.requestId }]);
    const before = await processes.ledger.get(id);
    assert.equal([before?.state, before?.successor], ["superseded", successor.id]);
    assert.is(before?.intent, successor.intent);
    // The call that is made again has no token and fails; the model hears of it.
    if (under.retries) await next.next("idle");
    await processes.broker();
    await processes.entry((entry) => entry.id === successor.id && entry.outcome === "accepted");
    await next.next("connected");
    assert.is(processes.world.authorization.issued.byCode, 2);
    await turn(processes, next);
    assert.equal(processes.tools(), ["echo", "whoami"]);
    assert.is(processes.world.authorization.issued.byCode, 2);
  });

  test("a token that was refused is not given to the resumed session; a good one leaves no trace on disk", async () => {
    await using processes = await Processes.open(under);
    const { host, id } = await waitInsideTool(processes);
    // The first token was refused by the server; only the second may be given.
    const refused = processes.world.mcp.knocks.findLast(({ token }) => token !== undefined)?.token;
    assert.ok(refused);
    await processes.killRuntime(host);
    const first = await processes.host("resume");
    assert.equal((await first.next("ready")).seeded, []);
    const { id: again } = await processes.entry((entry) => entry.id !== id && entry.state === "open");
    await first.kill();
    await unloaded(processes);
    await answerNow(processes, again);
    const second = await processes.host("resume");
    assert.equal((await second.next("ready")).seeded, ["notes"]);
    await turn(processes, second);
    const given = processes.world.mcp.knocks.findLast(({ token }) => token !== undefined)?.token;
    assert.ok(given !== undefined && given !== refused);
    await processes.killRuntime(second);
    for (const token of [given, refused]) assert.equal(await filesWith(processes.testRuntime.home, token), []);
    assert.is(processes.world.authorization.issued.byCode, 2);
  });
}
