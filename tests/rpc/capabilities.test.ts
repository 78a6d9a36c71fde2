import type { Capabilities } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { memoryPair } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";
import { cli, runtimes, startTestRuntime } from "../support/world.js";

const test = suite("Capabilities");

for (const under of runtimes) {
  test(`of ${under.name}: as it answers, not as it is called`, async () => {
    await using testRuntime = await startTestRuntime(under);
    await using rpc = await testRuntime.connect();
    const wanted: Capabilities =
      under === cli ? { pendingTools: true, runtimeLogin: true } : { pendingTools: false, runtimeLogin: false };
    assert.equal({ ...(await rpc.capabilities()) }, wanted);
  });
}

test("are asked once a connection, when somebody wants them", async () => {
  const { rpc, peer } = await memoryPair();
  await using _ = rpc;
  const before = peer.received.length;
  const [first, second] = [rpc.capabilities(), rpc.capabilities()];
  for (const [method, code] of [
    ["session.tools.listPendingRequests", -32603],
    ["session.mcp.oauth.complete", -32601],
  ] as const) {
    const asked = await peer.next(method);
    assert.equal(asked.params, {}, "names no session: nothing can be done by it");
    peer.refuse(asked, { code, message: "no" });
  }
  assert.equal({ ...(await first) }, { pendingTools: true, runtimeLogin: false });
  assert.is(await second, await first);
  assert.is(peer.received.length, before + 2);
});

test("of a connection that ends meanwhile: its error, and no guess", async () => {
  const { rpc } = await memoryPair();
  const asked = rpc.capabilities();
  await rpc.close();
  await rejects(asked, { code: "ENDED" });
});
