import { handlePendingRequest, type KindName, kinds, rowOf } from "latchkey/pending";
import * as assert from "uvu/assert";
import { leftOut } from "../../support/kinds/left-out.js";
import { type ProvocationName, provocationNames, provocations } from "../../support/kinds/provocations.js";
import { type Provoked, pass, provoke } from "../../support/kinds/scenario.js";
import { schemasOf } from "../../support/kinds/schemas.js";
import { suite, within } from "../../support/suite.js";
import { cli, runtimes, startTestRuntime, type TestRuntime } from "../../support/world.js";

/** What the answer brought about, seen at the far end. */
const effects: Record<ProvocationName, (scenario: Provoked) => Promise<void> | void> = {
  async headers({ host, mcp }) {
    const { result } = await host.next("returned");
    assert.match(JSON.stringify(result), /"asking","status":"connected"/);
    assert.ok(mcp.seen.some((headers) => headers[pass.header] === pass.value));
  },
  permission({ model, mcp }) {
    assert.equal(mcp.runs, ["echo"]);
    assert.equal(model.toolResults(), ["permitted"]);
  },
  externalTool: ({ model }) => assert.equal(model.toolResults(), ["ticket 17"]),
  async elicitation({ host }) {
    const { result } = await host.next("returned");
    assert.equal(result, { action: "accept", content: { colour: "green" } });
  },
  serverElicitation({ model, mcp }) {
    assert.equal(mcp.replies, [{ action: "accept", content: { colour: "green" } }]);
    assert.match(model.toolResults()[0] ?? "", "green");
  },
  userInput: ({ model }) => assert.equal(model.toolResults(), ["User selected: yes"]),
  exitPlanMode: ({ model }) => assert.match(model.toolResults()[0] ?? "", "Plan approved"),
  sampling({ mcp }) {
    assert.is(mcp.replies.length, 1);
    assert.match(JSON.stringify(mcp.replies[0]), "seven");
  },
  async command({ host }) {
    assert.is((await host.next("returned")).type, "returned");
  },
  queuedCommand: () => undefined,
};

for (const under of runtimes) {
  const test = suite(`Kinds on ${under.name}`);
  let testRuntime: TestRuntime;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());

  test("the table has every method of the runtime's schemas that answers something", async () => {
    const { respond, alike } = await schemasOf(testRuntime);
    const rows = Object.values(kinds);
    assert.ok(respond.length >= 12);
    assert.equal(respond, rows.map((row) => row.respond).sort());
    const inTable = new Set(rows.flatMap((row): string[] => [row.event, row.completed, row.respond]));
    assert.equal(
      alike.filter((name) => !inTable.has(name) && !(name in leftOut)),
      [],
      "neither a kind nor left out for a reason",
    );
    assert.equal(
      Object.keys(leftOut).filter((name) => inTable.has(name)),
      [],
    );
    if (under === cli)
      assert.equal(
        Object.keys(leftOut).filter((name) => !alike.includes(name)),
        [],
        "left out, and no runtime has it",
      );
  });

  for (const name of provocationNames) {
    const row = provocations[name];
    test(`${row.kind} by ${row.by}: recorded in one process, answered from another`, async () => {
      await using scenario = await provoke(testRuntime, name);
      const { session, request, host } = scenario;
      assert.is(request.kind, row.kind);
      const over = session.events.wait(rowOf(row.kind).completed, {
        where: ({ data }) => "requestId" in data && data.requestId === request.requestId,
        timeoutMs: 10_000,
      });
      const turn = usesModel(name) ? session.events.wait("session.idle", { timeoutMs: 10_000 }) : undefined;
      // A connection that never attached: any one may answer.
      await using outsider = await testRuntime.connect();
      assert.equal(await answer(outsider), { accepted: true });
      await over;
      await turn;
      await within(10_000, Promise.resolve(effects[name](scenario)), "the effect");
      assert.equal(await answer(outsider), { accepted: alwaysAccepted.includes(row.kind) }, "a second answer");
      assert.equal(
        host.messages.filter(({ type }) => type === "failed"),
        [],
      );

      function answer(rpc: Parameters<typeof handlePendingRequest>[0]) {
        return handlePendingRequest(rpc, { ...request, kind: row.kind }, row.answer);
      }
    });
  }
}

/** The runtime says `success: true` to any answer of this kind. */
const alwaysAccepted: readonly KindName[] = ["command.execute"];

function usesModel(name: ProvocationName): boolean {
  return provocations[name].script.length > 0;
}
