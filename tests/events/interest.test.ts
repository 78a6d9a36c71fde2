import { randomUUID } from "node:crypto";
import { type Interest, registerInterest } from "latchkey/events";
import { handlePendingRequest, pendingRequest, wholeData } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";
import {
  approvePermissions,
  obtainToken,
  openWorld,
  runTurn,
  runtimes,
  serverStatus,
  startTestRuntime,
  type TestRuntime,
  tokenAnswer,
  unloaded,
} from "../support/world.js";

/** The OAuth requests of a session; `answer` obtains a token for the next one. */
function listen(rpc: Rpc, session: Session) {
  const events: { requestId: string; reason: string }[] = [];
  session.events.on("mcp.oauth_required", ({ data }) => events.push(data));
  const waiting = session.events.wait("mcp.oauth_required");
  waiting.catch(() => undefined);
  const answer = async (): Promise<void> => {
    const request = pendingRequest(await waiting, { sessionId: session.id });
    const result = tokenAnswer(await obtainToken(wholeData(request)));
    assert.equal(await handlePendingRequest(rpc, request, result), { accepted: true });
  };
  approvePermissions(session);
  return { events, answer };
}

for (const under of runtimes) {
  const test = suite(`Interest on ${under.name}`);
  let testRuntime: TestRuntime;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());

  test("on create, with an id that the runtime assigned: asked for when asked to, not before", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const { sessionId } = await rpc.request("session.create", world.sessionParams());
    assert.match(sessionId, /^[0-9a-f-]{36}$/);
    const session = rpc.session(sessionId);
    const { events, answer } = listen(rpc, session);

    await serverStatus(session, "needs-auth", { timeoutMs: 5000 });
    assert.equal(events, [], "nobody registered interest");

    await registerInterest(session, "mcp.oauth_required");
    await answer();
    await serverStatus(session, "connected");
    assert.equal(
      events.map(({ reason }) => reason),
      ["initial"],
    );
    world.model.say({ tool: "whoami" });
    await runTurn(session, "Who am I?");
    assert.equal(world.model.toolResults().at(-1), "ada");
  });

  test("without any, a turn does not wait for what nobody will answer", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const { sessionId } = await rpc.request("session.create", world.sessionParams());
    const session = rpc.session(sessionId);
    const { events } = listen(rpc, session);
    world.model.say({ tool: "whoami" });
    await runTurn(session, "Who am I?", { timeoutMs: 5000 });
    await serverStatus(session, "needs-auth", { timeoutMs: 5000 });
    assert.equal(events, []);
    assert.equal(world.mcp.runs, []);
    assert.is(world.authorization.issued.tokens, 0);
  });

  test("on create, with an id of the host's own", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const id = randomUUID();
    const session = rpc.session(id);
    const { events, answer } = listen(rpc, session);
    const opened = await rpc.request("session.create", { ...world.sessionParams(), sessionId: id });
    assert.is(opened.sessionId, id);
    await registerInterest(session, "mcp.oauth_required");
    await answer();
    await serverStatus(session, "connected");
    assert.is(events.length, 1);
  });

  test("on resume: interest and token are gone with the load, and asked for again", async () => {
    await using world = await openWorld();
    const params = world.sessionParams();
    const { sessionId } = await (async () => {
      await using rpc = await testRuntime.connect();
      const opened = await rpc.request("session.create", params);
      const session = rpc.session(opened.sessionId);
      const { answer } = listen(rpc, session);
      await registerInterest(session, "mcp.oauth_required");
      await answer();
      await serverStatus(session, "connected");
      await runTurn(session, "Remember me.");
      await session.request("destroy");
      await unloaded(rpc, opened.sessionId);
      return opened;
    })();

    await using rpc = await testRuntime.connect();
    const session = rpc.session(sessionId);
    const { events, answer } = listen(rpc, session);
    await rpc.request("session.resume", { ...params, sessionId });
    await serverStatus(session, "needs-auth", { timeoutMs: 5000 });
    assert.equal(events, [], "nobody registered interest after the resume");

    await registerInterest(session, "mcp.oauth_required");
    await answer();
    await serverStatus(session, "connected");
    world.model.say({ tool: "whoami" });
    await runTurn(session, "Who am I?");
    assert.equal(world.model.toolResults().at(-1), "ada");
    assert.is(events.length, 1);
  });

  test("released, the next refusal fails the call at once", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const { sessionId } = await rpc.request("session.create", world.sessionParams());
    const session = rpc.session(sessionId);
    const { events, answer } = listen(rpc, session);
    const interests: Interest[] = [
      await registerInterest(session, "mcp.oauth_required"),
      await registerInterest(session, "mcp.oauth_required"),
    ];
    await answer();
    await serverStatus(session, "connected");
    world.model.say({ tool: "echo", arguments: { text: "here" } });
    await runTurn(session, "Are you there?");

    for (const interest of interests) await interest.release();
    world.authorization.revokeAll();
    world.model.say({ tool: "whoami" });
    await runTurn(session, "Who am I?");
    assert.is(events.length, 1);
    assert.match(world.model.toolResults()[1] ?? "", "Re-authentication required");
  });
}
