import { deliverAnswers, recordPending } from "latchkey/keeper";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { type Resumed, resume } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import {
  type ProvocationName,
  provocationNames,
  provocations,
  provokedParams,
} from "../../support/kinds/provocations.js";
import { type Provoked, provoke } from "../../support/kinds/scenario.js";
import { suite } from "../../support/suite.js";
import {
  onDisk,
  type RuntimeUnderTest,
  runTurn,
  runtimes,
  startModel,
  startTestRuntime,
  type TestRuntime,
  unloaded,
} from "../../support/world.js";

/**
 * What becomes of a question when the runtime is killed and the session resumed:
 * - `waits`: the same request, under the same id
 * - `again`: another request
 * - `closed`: the tool call that asked is over, and the host is told
 * - `gone`: nobody is left who asked
 */
type Fate = "waits" | "again" | "closed" | "gone";

function fateOf(name: ProvocationName, under: RuntimeUnderTest): Fate {
  switch (name) {
    case "permission":
    case "externalTool":
      return "waits";
    case "headers":
      return "again";
    case "serverElicitation":
    case "sampling":
      return under.retries ? "again" : "closed";
    case "userInput":
    case "exitPlanMode":
      return "closed";
    default:
      return "gone";
  }
}

interface After {
  readonly scenario: Provoked;
  readonly rpc: Rpc;
  readonly ledger: Ledger;
  readonly entry: Entry;
  readonly resumed: Resumed<Session>;
  readonly name: ProvocationName;
}

for (const under of runtimes) {
  const test = suite(`Kinds over a killed runtime: ${under.name}`);
  let testRuntime: TestRuntime;
  let ledger: Ledger;
  const scenarios = new Map<ProvocationName, { scenario: Provoked; entry: Entry }>();

  // Every question is asked of one runtime, which is then killed with all the hosts.
  test.before(async () => {
    testRuntime = await startTestRuntime(under);
    ledger = await openLedger(":memory:");
    for (const name of provocationNames) {
      const scenario = await (name === "headers" ? provokeHeaders() : provokeAfterTurn(name));
      scenarios.set(name, { scenario, entry: await ledger.record(scenario.request) });
      await onDisk(testRuntime.home, scenario.session.id, lastSign[name]);
    }
    const hosts = [...scenarios.values()].map(({ scenario }) => scenario.host.kill());
    await Promise.all([testRuntime.restart(), ...hosts]);
  });
  test.after(async () => {
    for (const { scenario } of scenarios.values()) await scenario[Symbol.asyncDispose]();
    await ledger.close();
    await testRuntime.close();
  });

  for (const name of provocationNames) {
    const row = provocations[name];
    const fate = fateOf(name, under);
    test(`${row.kind} by ${row.by}: ${fate}`, async () => {
      const provoked = scenarios.get(name);
      if (provoked === undefined) throw new Error("not provoked");
      const { scenario, entry } = provoked;
      await using rpc = await testRuntime.connect();
      const params = { ...provokedParams(name, scenario.places), sessionId: scenario.session.id };
      const resumed = await resume(rpc, params, { ledger, interest: row.interest });
      await check[fate]({ scenario, rpc, ledger, entry, resumed, name });
    });
  }

  function provokeAfterTurn(name: ProvocationName): Promise<Provoked> {
    return provoke(testRuntime, name, {
      script: [{ text: "Hello." }],
      before: (session) => runTurn(session, "Hello."),
    });
  }

  /** The question comes when the server is started, before the first turn; so the session gets its server only afterwards. */
  async function provokeHeaders(): Promise<Provoked> {
    await using model = await startModel();
    await using rpc = await testRuntime.connect();
    const bare = { ...provokedParams("headers", { modelUrl: model.baseUrl, mcpUrl: "" }), mcpServers: {} };
    const { sessionId } = await rpc.request("session.create", bare);
    await runTurn(rpc.session(sessionId), "Hello.");
    await rpc.request("session.destroy", { sessionId });
    // A resume that comes before would attach, and bring no server.
    await unloaded(rpc, sessionId);
    return provoke(testRuntime, "headers", { resumes: sessionId });
  }
}

/** What the runtime writes down last before it waits. */
const lastSign: Record<ProvocationName, string> = {
  headers: '"assistant.turn_end"',
  permission: '"permission.requested"',
  externalTool: '"external_tool.requested"',
  elicitation: '"assistant.turn_end"',
  serverElicitation: '"permission.completed"',
  userInput: '"tool.execution_start"',
  exitPlanMode: '"tool.execution_start"',
  sampling: '"permission.completed"',
  command: '"assistant.turn_end"',
  queuedCommand: '"assistant.turn_end"',
};

const check: Record<Fate, (after: After) => Promise<void>> = {
  async waits({ scenario, rpc, ledger, entry, resumed, name }) {
    assert.equal(resumed.lost, []);
    assert.equal(
      resumed.waiting.map(({ data }) => data.requestId),
      [entry.requestId],
    );
    assert.is((await ledger.list({ sessionId: entry.sessionId })).length, 1, "not a second entry");
    const idle = resumed.session.events.wait("session.idle", { timeoutMs: 10_000 });
    await using deliverer = deliverAnswers(rpc, ledger);
    const settled = deliverer.events.wait("settled", { timeoutMs: 10_000 });
    await ledger.answer(entry.id, provocations[name].answer);
    assert.is((await settled).outcome, "accepted");
    await idle;
    assert.equal(scenario.model.toolResults(), [name === "permission" ? "permitted" : "ticket 17"]);
    assert.equal(scenario.mcp.runs, name === "permission" ? ["echo"] : []);
  },

  async again({ rpc, ledger, entry, resumed, name, scenario }) {
    const { kind } = provocations[name];
    assert.equal(resumed.lost, [entry.id]);
    await using recorder = recordPending(rpc, ledger);
    const recorded = recorder.events.wait("recorded", { timeoutMs: 10_000 });
    let next = resumed.waiting.find((event) => event.type === kind)?.data.requestId;
    if (next === undefined) {
      if (name === "headers") void resumed.session.request("mcp.list").catch(() => undefined);
      // The runtime may have asked when `resume` had looked already, and nobody listened yet.
      const caught = (await recorder.catchUp(entry.sessionId)).find((found) => found.kind === kind);
      next = caught?.requestId ?? (await recorded).requestId;
    }
    recorded.catch(() => undefined);
    assert.is.not(next, entry.requestId);
    const before = await ledger.get(entry.id);
    // Only where the runtime says what it asks for again can the two be one question.
    assert.is(before?.state, name === "headers" ? "superseded" : "lost");
    if (name !== "headers") assert.is(scenario.mcp.runs.length, 2, "the runtime itself makes the call a second time");
    await recorder.idle();
    const open = await ledger.list({ state: "open", kind, sessionId: entry.sessionId });
    assert.ok(open.some(({ requestId }) => requestId === next));
  },

  async closed({ ledger, entry, resumed, scenario }) {
    assert.equal(resumed.lost, [entry.id]);
    assert.is(resumed.interrupted.length, 1);
    assert.equal(resumed.waiting, []);
    assert.is((await ledger.get(entry.id))?.state, "lost");
    assert.ok(scenario.mcp.runs.length <= 1);
  },

  async gone({ ledger, entry, resumed }) {
    assert.equal(resumed.lost, [entry.id]);
    assert.equal([resumed.interrupted, resumed.waiting], [[], []]);
    assert.is((await ledger.get(entry.id))?.state, "lost");
  },
};
