import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";
import {
  openWorld,
  type Program,
  runtimes,
  startProgram,
  startTestRuntime,
  type TestRuntime,
  type World,
} from "../support/world.js";

/** The programs of one way to write a request down, and where it is written. */
interface Way {
  readonly host: string;
  readonly keeper: string;
  readonly broker: string;
  readonly brokerNeedsRuntime: boolean;
  given(folder: string): Record<string, unknown>;
  /** Looks at what is left when the circle is closed: the requests in order, each with how it ended. */
  left?(folder: string): Promise<unknown>;
}

const ways: Record<string, Way> = {
  "a file of JSON": {
    host: "file-host",
    keeper: "keeper",
    broker: "file-broker",
    brokerNeedsRuntime: true,
    given: (folder) => ({ path: join(folder, "request.json") }),
  },
  "a ledger": {
    host: "ledger-host",
    keeper: "ledger-keeper",
    broker: "ledger-broker",
    brokerNeedsRuntime: false,
    given: (folder) => ({ ledger: join(folder, "ledger.db") }),
    async left(folder) {
      await using ledger = await openLedger(join(folder, "ledger.db"));
      return (await ledger.list()).map(({ data, state, outcome }) => [
        "reason" in data ? data.reason : "",
        state,
        outcome,
      ]);
    },
  },
};

for (const under of runtimes) {
  const test = suite(`The circle on ${under.name}`);
  let testRuntime: TestRuntime;
  let folder: string;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());
  test.before.each(async () => {
    folder = await mkdtemp(join(tmpdir(), "latchkey-circle-"));
  });
  test.after.each(() => rm(folder, { recursive: true, force: true }));

  for (const [store, way] of Object.entries(ways)) {
    test(`a first request in ${store} outlives its host, and a third process answers it`, async () => {
      await using world = await openWorld();
      await using keeper = await startKeeper(way);
      await using host = await startHost(way, keeper, world, "start");
      const recorded = await host.next("recorded");
      assert.is(recorded.reason, "initial");
      assert.is((await host.kill()).signal, "SIGKILL");

      await answerElsewhere(way, keeper, recorded.requestId);
      world.model.say({ tool: "whoami" });
      keeper.tell({ type: "prompt", prompt: "Who am I?" });
      await keeper.next("idle");
      assert.equal(world.model.toolResults(), ["ada"]);
      assert.equal(
        world.mcp.runs.map(({ tool }) => tool),
        ["whoami"],
      );
      assert.is(world.authorization.issued.byCode, 1);
      assert.equal(await way.left?.(folder), way.left && [["initial", "settled", "accepted"]]);
    });

    test(`a tool call that waits for a request in ${store} outlives its host and is finished`, async () => {
      await using world = await openWorld({ script: [{ tool: "echo", arguments: { text: "here" } }] });
      await using keeper = await startKeeper(way);
      await using host = await startHost(way, keeper, world, "turn");
      await host.next("connected");
      await keeper.next("completed");
      await keeper.next("idle");
      world.authorization.revokeAll();
      world.model.say({ tool: "whoami" });
      host.tell({ type: "prompt" });
      const recorded = await host.next("recorded");
      assert.is(recorded.reason, "refresh");
      assert.is((await host.kill()).signal, "SIGKILL");

      await answerElsewhere(way, keeper, recorded.requestId);
      await keeper.next("idle");
      assert.equal(world.model.toolResults(), ["here", "ada"]);
      assert.equal(
        world.mcp.runs.map(({ tool }) => tool),
        ["echo", "whoami"],
      );
      assert.is(world.authorization.issued.byCode, 2);
      const elsewhere = ["initial", "settled", "elsewhere"];
      assert.equal(await way.left?.(folder), way.left && [elsewhere, ["refresh", "settled", "accepted"]]);
    });
  }

  async function startKeeper(way: Way): Promise<Program> {
    const { endpoint, token } = testRuntime.runtime;
    const keeper = startProgram(way.keeper, { given: { endpoint, token, ...way.given(folder) } });
    await keeper.next("ready");
    return keeper;
  }

  async function startHost(way: Way, keeper: Program, world: World, when: "start" | "turn"): Promise<Program> {
    const { endpoint, token } = testRuntime.runtime;
    const host = startProgram(way.host, {
      given: { endpoint, token, places: world.places, when, ...way.given(folder) },
    });
    const created = await host.next("created");
    assert.is((await keeper.next("held")).sessionId, created.sessionId);
    host.tell({ type: "go" });
    return host;
  }

  async function answerElsewhere(way: Way, keeper: Program, requestId: unknown): Promise<void> {
    const { endpoint, token } = testRuntime.runtime;
    await using broker = startProgram(way.broker, {
      given: { ...(way.brokerNeedsRuntime ? { endpoint, token } : {}), ...way.given(folder) },
    });
    const answered = await broker.next("answered");
    assert.equal(answered, { type: "answered", requestId, accepted: true });
    assert.equal(await keeper.next("completed"), { type: "completed", requestId, outcome: "token" });
    assert.equal(await broker.exited, { code: 0, signal: null });
  }
}
