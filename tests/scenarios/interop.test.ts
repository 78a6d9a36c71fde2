import { follow, registerInterest } from "latchkey/events";
import {
  handlePendingRequest,
  hold,
  isPending,
  type PendingRequest,
  pendingRequest,
  wholeData,
} from "latchkey/pending";
import type { Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";
import {
  obtainToken,
  openWorld,
  type Program,
  runtimes,
  serverName,
  serverStatus,
  startProgram,
  startTestRuntime,
  type TestRuntime,
  tokenAnswer,
  type World,
} from "../support/world.js";

function startSdkHost(testRuntime: TestRuntime, world: World, options: { handler: boolean }): Program {
  const { token, endpoint } = testRuntime.runtime;
  const mcpServer = world.sessionParams().mcpServers?.[serverName];
  return startProgram("sdk-host", {
    given: { url: endpoint.slice("tcp://".length), token, modelUrl: world.model.baseUrl, mcpServer, ...options },
  });
}

async function sessionOf(host: Program): Promise<string> {
  return String((await host.next("ready")).sessionId);
}

async function answer(rpc: Rpc, request: PendingRequest<"mcp.oauth_required">): Promise<void> {
  const result = tokenAnswer(await obtainToken(wholeData(request)));
  assert.equal(await handlePendingRequest(rpc, request, result), { accepted: true });
}

for (const under of runtimes) {
  const test = suite(`Beside the official SDK on ${under.name}`);
  let testRuntime: TestRuntime;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());

  test("its session, which has no OAuth handler, is answered from another process", async () => {
    await using world = await openWorld();
    await using host = startSdkHost(testRuntime, world, { handler: false });
    await using rpc = await testRuntime.connect();
    const session = rpc.session(await sessionOf(host));
    await hold(rpc, session.id);
    const required = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
    const completed = session.events.wait("mcp.oauth_completed", { timeoutMs: 10_000 });
    await registerInterest(session, "mcp.oauth_required");
    const request = pendingRequest(await required, { sessionId: session.id });
    await answer(rpc, request);
    assert.equal((await completed).data, { requestId: request.requestId, outcome: "token" });
    await serverStatus(session, "connected");

    world.model.say({ tool: "whoami" }, { text: "You are Ada." });
    host.tell({ type: "prompt", prompt: "Who am I?" });
    assert.is((await host.next("answered")).text, "You are Ada.");
    assert.equal(world.model.toolResults(), ["ada"]);
  });

  test("its OAuth handler hangs, and a connection that never attached answers from the event log", async () => {
    await using world = await openWorld();
    await using host = startSdkHost(testRuntime, world, { handler: true });
    await using rpc = await testRuntime.connect();
    const session = rpc.session(await sessionOf(host));
    assert.is((await host.next("asked")).reason, "initial");
    for await (const { event } of follow(session, {
      types: ["mcp.oauth_required", "session.mcp_server_status_changed"],
    })) {
      if (isPending(event)) await answer(rpc, pendingRequest(event, { sessionId: session.id }));
      else if (event.data.status === "connected") break;
    }
    world.model.say({ tool: "whoami" }, { text: "You are Ada." });
    host.tell({ type: "prompt", prompt: "Who am I?" });
    assert.is((await host.next("answered")).text, "You are Ada.");
    assert.equal(world.model.toolResults(), ["ada"]);
    assert.is(world.authorization.issued.tokens, 1);
  });
}
