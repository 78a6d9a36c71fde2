import { registerInterest } from "latchkey/events";
import { recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { handlePendingRequest, hold, type PendingRequest, pendingRequest, wholeData } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import {
  type ProvocationName,
  provocationNames,
  provocations,
  provokedParams,
} from "../../support/kinds/provocations.js";
import { type Provoked, provoke } from "../../support/kinds/scenario.js";
import { snapshot } from "../../support/kinds/snapshot.js";
import { rejects, suite, within } from "../../support/suite.js";
import {
  mcpApps,
  obtainToken,
  openWorld,
  runTurn,
  runtimes,
  serverName,
  serverStatus,
  startAskingServer,
  startModel,
  startTestRuntime,
  type TestRuntime,
  tokenAnswer,
} from "../../support/world.js";

/** Long enough for any attach that is not blocked: those take milliseconds. */
const blockedMs = 1000;

/** Kinds whose answer has an effect after the owner's process is gone, and what that is. */
const outlive: Partial<Record<ProvocationName, (scenario: Provoked) => void>> = {
  permission: ({ model }) => assert.equal(model.toolResults(), ["permitted"]),
  externalTool: ({ model }) => assert.equal(model.toolResults(), ["ticket 17"]),
  serverElicitation: ({ model }) => assert.match(model.toolResults()[0] ?? "", "green"),
  userInput: ({ model }) => assert.equal(model.toolResults(), ["User selected: yes"]),
  exitPlanMode: ({ model }) => assert.match(model.toolResults()[0] ?? "", "Plan approved"),
  sampling: ({ mcp }) => assert.match(JSON.stringify(mcp.replies), "seven"),
};

for (const under of runtimes) {
  const test = suite(`Hold on ${under.name}`);
  let testRuntime: TestRuntime;

  test.before(async () => {
    testRuntime = await startTestRuntime(under, { env: mcpApps });
  });
  test.after(() => testRuntime.close());

  test("too late: behind `ui.elicitation` an attach blocks the session, the answer included", async () => {
    await using owner = await testRuntime.connect();
    const { session, request, returned } = await elicit(owner);
    await using late = await testRuntime.connect();

    const busy = await rejects(hold(late, session.id), { code: "BUSY" });
    assert.equal(busy.cause, { requests: [{ kind: "elicitation.requested", requestId: request.requestId }] });
    await late.session(session.id).request("mode.get", {}, { timeoutMs: blockedMs });

    await rejects(hold(late, session.id, { evenIfBusy: true, timeoutMs: blockedMs }), { name: "TimeoutError" });
    const answer = handlePendingRequest(late, request, { action: "decline" }, { timeoutMs: blockedMs });
    await rejects(answer, { name: "TimeoutError" });
    await late.request("sessions.close", { sessionId: session.id });
    await within(5000, returned, "the end of the call");
  });

  test("too late: behind `mcp.apps.callTool` as well", async () => {
    await using world = await openWorld();
    await using owner = await testRuntime.connect();
    const { session, request, returned } = await callTool(owner, world);
    await using late = await testRuntime.connect();

    await rejects(hold(late, session.id, { timeoutMs: blockedMs }), { code: "BUSY" });
    await rejects(hold(late, session.id, { evenIfBusy: true, timeoutMs: blockedMs }), { name: "TimeoutError" });
    const answer = handlePendingRequest(late, request, { kind: "cancelled" }, { timeoutMs: blockedMs });
    await rejects(answer, { name: "TimeoutError" });
    await late.request("sessions.close", { sessionId: session.id });
    await within(5000, returned, "the end of the call");
  });

  test("at birth: the same calls harm nobody, and a later attach goes through", async () => {
    await using world = await openWorld();
    await using keeper = await testRuntime.connect();
    await using owner = await testRuntime.connect();
    for (let round = 0; round < 5; round += 1) {
      const { request, returned } = await elicit(owner, ({ id }) => hold(keeper, id, { timeoutMs: blockedMs }));
      const answer = { action: "accept", content: { colour: "red" } } as const;
      assert.equal(await handlePendingRequest(keeper, request, answer, { timeoutMs: blockedMs }), { accepted: true });
      assert.equal(await within(5000, returned, "the call"), answer);
    }
    const { session, request, returned } = await callTool(owner, world, ({ id }) =>
      hold(keeper, id, { timeoutMs: blockedMs }),
    );
    const token = tokenAnswer(await obtainToken(wholeData(request)));
    assert.equal(await handlePendingRequest(keeper, request, token, { timeoutMs: 5000 }), { accepted: true });
    assert.match(JSON.stringify(await within(10_000, returned, "the call")), '"content"');
    assert.is(world.mcp.runs.length, 1);
    await using late = await testRuntime.connect();
    await using _ = await hold(late, session.id, { timeoutMs: blockedMs });
  });

  test("changes nothing in the session", async () => {
    await using model = await startModel();
    await using mcp = await startAskingServer();
    await using owner = await testRuntime.connect();
    const { sessionId } = await owner.request("session.create", {
      ...provokedParams("serverElicitation", { modelUrl: model.baseUrl, mcpUrl: mcp.endpoint }),
      ...provocations.externalTool.params({ modelUrl: "", mcpUrl: "" }),
      ...provocations.command.params({ modelUrl: "", mcpUrl: "" }),
    });
    const session = owner.session(sessionId);
    await runTurn(session, "Hello.");
    const before = await snapshot(session);
    const events: string[] = [];
    session.events.on("*", ({ type }) => events.push(type));

    await using keeper = await testRuntime.connect();
    const held = await hold(keeper, sessionId);
    assert.equal(await snapshot(session), before);
    assert.equal(await snapshot(keeper.session(sessionId)), before, "seen by the keeper");
    await runTurn(session, "Hello again.");
    assert.equal(toolsOffered(model.requests.at(-1)), toolsOffered(model.requests[0]));
    await held.release();
    assert.equal(await snapshot(session), before);
    assert.equal(
      events.filter((type) =>
        /^(session\.resume|capabilities\.changed|commands\.changed|session\.shutdown)$/.test(type),
      ),
      [],
    );
    await rejects(hold(keeper, "00000000-0000-4000-8000-000000000000"), { code: "SESSION_NOT_FOUND" });
  });

  for (const name of provocationNames) {
    const row = provocations[name];
    test(`${row.kind} by ${row.by}: answerable when the owner's process was killed`, async () => {
      await using ledger = await openLedger(":memory:");
      await using scenario = await provoke(testRuntime, name, { hold: { elicitation: true } });
      const { host, rpc, request, session } = scenario;
      const idle = outlive[name] ? session.events.wait("session.idle", { timeoutMs: 10_000 }) : undefined;
      assert.is((await host.kill()).signal, "SIGKILL");
      const entry = await ledger.record(request);
      await using recorder = recordPending(rpc, ledger);
      const settled = recorder.events.wait("completed", { where: ({ id }) => id === entry.id, timeoutMs: 5000 });
      const answered = await handlePendingRequest(rpc, { ...request, kind: row.kind }, row.answer, { timeoutMs: 5000 });
      assert.equal(answered, { accepted: true });
      await idle;
      outlive[name]?.(scenario);
      assert.is((await settled).outcome, "elsewhere", "its completed event came");
    });
  }

  test("an elicitation of a server that nobody keeps is cancelled with its owner, and its entry settled", async () => {
    await using ledger = await openLedger(":memory:");
    await using scenario = await provoke(testRuntime, "serverElicitation");
    const { host, rpc, request, session, mcp } = scenario;
    await using recorder = recordPending(rpc, ledger);
    const entry = await ledger.record(request);
    const idle = session.events.wait("session.idle", { timeoutMs: 5000 });
    const over = session.events.wait("elicitation.completed", { timeoutMs: 5000 });
    const settled = recorder.events.wait("completed", { where: ({ id }) => id === entry.id, timeoutMs: 5000 });
    await host.kill();
    assert.is((await over).data.action, "cancel");
    assert.is((await settled).outcome, "elsewhere");
    await idle;
    assert.equal(mcp.replies, [{ action: "cancel" }]);
    const late = await handlePendingRequest(rpc, { ...request, kind: "elicitation.requested" }, { action: "decline" });
    assert.equal(late, { accepted: false });
  });
}

function toolsOffered(request: { tools?: readonly { function: { name: string } }[] } | undefined): string[] {
  return (request?.tools ?? []).map((tool) => tool.function.name).sort();
}

type AtBirth = (session: Session) => Promise<unknown>;

/** A session whose owner waits inside `ui.elicitation`. */
async function elicit(owner: Rpc, atBirth: AtBirth = async () => undefined) {
  const { sessionId } = await owner.request("session.create", {});
  const session = owner.session(sessionId);
  await atBirth(session);
  const asked = session.events.wait("elicitation.requested", { timeoutMs: 5000 });
  const returned = provocations.elicitation.start(session).catch((error: unknown) => error);
  const request = pendingRequest(await asked, { sessionId });
  return { session, request, returned };
}

/** A session whose owner waits inside `mcp.apps.callTool` for a token of a wider scope. */
async function callTool(
  owner: Rpc,
  world: Awaited<ReturnType<typeof openWorld>>,
  atBirth: AtBirth = async () => undefined,
): Promise<{ session: Session; request: PendingRequest<"mcp.oauth_required">; returned: Promise<unknown> }> {
  const { sessionId } = await owner.request("session.create", { ...world.sessionParams(), requestMcpApps: true });
  const session = owner.session(sessionId);
  await atBirth(session);
  const first = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  await registerInterest(session, "mcp.oauth_required");
  const initial = pendingRequest(await first, { sessionId });
  await handlePendingRequest(owner, initial, tokenAnswer(await obtainToken(wholeData(initial))));
  await serverStatus(session, "connected");
  const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  const call = { serverName, toolName: "write", originServerName: serverName };
  const returned = session.request("mcp.apps.callTool", call).catch((error: unknown) => error);
  return { session, request: pendingRequest(await asked, { sessionId }), returned };
}
