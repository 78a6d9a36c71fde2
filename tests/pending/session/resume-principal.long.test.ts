/** Whose answers a session is loaded with. */
import { registerInterest } from "latchkey/events";
import { openLedger } from "latchkey/ledger";
import { pendingRequest, resume, wholeData } from "latchkey/pending";
import * as assert from "uvu/assert";
import { rejects, suite } from "../../support/suite.js";
import {
  cli,
  obtainToken,
  openWorld,
  runTurn,
  serverName,
  startTestRuntime,
  tokenAnswer,
  unloaded,
} from "../../support/world.js";

const test = suite(`Resume for a principal, on ${cli.name}`, { timeoutMs: 60_000 });

test("uses this principal's answers only, and without one nobody's", async () => {
  await using testRuntime = await startTestRuntime(cli);
  await using world = await openWorld();
  await using ledger = await openLedger(":memory:");
  await using rpc = await testRuntime.connect();
  const params = world.sessionParams();
  const { sessionId } = await rpc.request("session.create", params);
  const session = rpc.session(sessionId);
  const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 20_000 });
  await registerInterest(session, "mcp.oauth_required");
  const request = pendingRequest(await asked, { sessionId, principal: "bob" });
  const { id } = await ledger.record(request);
  await ledger.answer(id, tokenAnswer(await obtainToken(wholeData(request))));
  await session.request("mcp.oauth.handlePendingRequest", {
    requestId: request.requestId,
    result: { kind: "cancelled" },
  });
  await runTurn(session, "Are you there?");

  for (const principal of ["", " ", ...JSON.parse("[null, 5]")])
    await rejects(resume(rpc, { ...params, sessionId }, { ledger, principal }), TypeError);
  for (const [principal, seeded] of [
    [undefined, []],
    ["ada", []],
    ["bob", [serverName]],
  ] as const) {
    await rpc.request("session.destroy", { sessionId });
    await unloaded(rpc, sessionId);
    const resumed = await resume(rpc, { ...params, sessionId }, { ledger, principal });
    assert.equal([resumed.cold, resumed.seeded], [true, seeded], String(principal));
  }
});
