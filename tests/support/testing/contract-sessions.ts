/** What a runtime does with sessions, attachments and calls that block. */
import { randomUUID } from "node:crypto";
import * as assert from "uvu/assert";
import { create, gone, interest, outcome, type Register, status, turn } from "./contract.js";

const opened = [
  "capabilities",
  "isRemote",
  "mode",
  "modelState",
  "nativeSessionId",
  "sessionId",
  "startTime",
  "workspacePath",
];

export const sessionsContract: Register = (test, subject) => {
  test("a new session is announced to everybody, and its events go to who made it", async () => {
    await using outsider = await subject().connect();
    await using wire = await subject().connect();
    const announced = outsider.next(
      ({ method, params }) => method === "session.lifecycle" && (params as { type: string }).type === "session.created",
    );
    const made = await wire.ok("session.create", {});
    const sessionId = String(made.sessionId);
    assert.match(sessionId, /^[0-9a-f-]{36}$/);
    assert.equal(Object.keys(made).sort(), opened);
    const { params } = (await announced) as { params: { sessionId: string; metadata: Record<string, string> } };
    assert.is(params.sessionId, sessionId);
    assert.equal(Object.keys(params.metadata).sort(), ["modifiedTime", "startTime"]);
    await wire.event(sessionId, "session.start");
    await wire.ok("session.log", { sessionId, message: "hello" });
    await wire.event(sessionId, "session.info");
    assert.equal(outsider.events(sessionId), []);
    const own = randomUUID();
    assert.is((await wire.ok("session.create", { sessionId: own })).sessionId, own);
  });

  test("events go to every attached connection once, to one that attached twice as well", async () => {
    await using owner = await subject().connect();
    await using holder = await subject().connect();
    const of = await create(owner);
    const attach = { ...of, disableResume: true };
    assert.equal(Object.keys(await holder.ok("session.resume", attach)).sort(), opened);
    await holder.ok("session.resume", attach);
    await owner.ok("session.log", { ...of, message: "one" });
    await holder.event(of.sessionId, "session.info");
    assert.equal(holder.events(of.sessionId, "session.resume"), []);
    await owner.ok("session.resume", of);
    await holder.event(of.sessionId, "session.resume");
    await owner.event(of.sessionId, "session.resume");
    await holder.ok("session.log", { ...of, message: "two" });
    await owner.event(of.sessionId, "session.info", 2);
    for (const wire of [owner, holder]) assert.is(wire.events(of.sessionId, "session.info").length, 2);
  });

  test("destroy detaches: an outsider changes nothing, the last one unloads the session", async () => {
    await using owner = await subject().connect();
    await using holder = await subject().connect();
    await using outsider = await subject().connect();
    await using scenario = await subject().scenario("userInput");
    const of = await create(owner, scenario);
    await turn(owner, of);
    await holder.ok("session.resume", { ...of, disableResume: true });
    assert.is((await outsider.ok("session.destroy", of)).success, false);
    assert.is((await owner.ok("session.destroy", of)).success, true);
    assert.is((await owner.ok("session.destroy", of)).success, false);
    await holder.ok("session.mode.get", of);
    assert.is((await holder.ok("session.destroy", of)).success, true);
    assert.is(holder.events(of.sessionId, "session.shutdown").length, 1);
    await gone(outsider, of);
    const list = await outsider.ok("session.list", {});
    assert.ok((list.sessions as { sessionId: string }[]).some(({ sessionId }) => sessionId === of.sessionId));
  });

  test("any connection closes a session for all, and a session without a turn cannot be resumed", async () => {
    await using owner = await subject().connect();
    await using outsider = await subject().connect();
    const of = await create(owner);
    assert.equal(await outsider.ok("sessions.close", of), {});
    assert.match((await owner.call("session.mode.get", of)).error?.message ?? "", "Session not found for sessionId");
    assert.match(
      (await owner.call("session.resume", of)).error?.message ?? "",
      "Failed to load session events: Session not found",
    );
    assert.equal((await owner.ok("session.getMetadata", of)).session, undefined);
  });

  test("the connection of the only client drops: the session is unloaded", async () => {
    await using outsider = await subject().connect();
    const owner = await subject().connect();
    const of = await create(owner);
    await outsider.ok("session.mode.get", of);
    await owner.close();
    await gone(outsider, of);
  });

  test("capabilities are the union of the attached; what goes with its connection is said", async () => {
    await using holder = await subject().connect();
    const owner = await subject().connect();
    const of = await create(owner, { requestElicitation: true, requestMcpApps: true });
    const { capabilities } = await holder.ok("session.resume", { ...of, disableResume: true });
    assert.equal((capabilities as { ui: object }).ui, { elicitation: true, mcpApps: true, canvases: false });
    await owner.close();
    const changed = await holder.event(of.sessionId, "capabilities.changed");
    assert.is((changed.data.ui as Record<string, unknown>).elicitation, false);
    const now = await holder.ok("session.resume", { ...of, disableResume: true });
    assert.is((now.capabilities as { ui: { mcpApps: boolean } }).ui.mcpApps, subject().older);
    const kept = await holder.ok("session.resume", {
      ...of,
      disableResume: true,
      requestElicitation: true,
      requestMcpApps: true,
    });
    assert.equal((kept.capabilities as { ui: object }).ui, { elicitation: true, mcpApps: true, canvases: false });
  });

  test("an attach with servers replaces them, one without leaves them", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    const names = async () =>
      ((await wire.ok("session.mcp.list", of)).servers as { name: string }[]).map(({ name }) => name);
    assert.equal(await names(), ["notes"]);
    await wire.ok("session.resume", { ...of, disableResume: true });
    assert.equal(await names(), ["notes"]);
    await wire.ok("session.resume", { ...of, disableResume: true, mcpServers: {} });
    assert.equal(await names(), []);
  });
};

export const wedgeContract: Register = (test, subject) => {
  const elicitation = { message: "Which?", requestedSchema: { type: "object", properties: {} } };

  test("an attach waits for a call that is out, and every later call waits behind it, the answer too", async () => {
    await using owner = await subject().connect();
    await using late = await subject().connect();
    await using other = await subject().connect();
    const of = await create(owner);
    const elicited = owner.call("session.ui.elicitation", { ...of, ...elicitation });
    const { requestId } = (await owner.event(of.sessionId, "elicitation.requested")).data;
    await other.ok("session.mode.get", of);
    const attached = late.call("session.resume", { ...of, disableResume: true });
    assert.is(await outcome(subject(), attached), "blocked");
    const answer = other.call("session.ui.handlePendingElicitation", {
      ...of,
      requestId,
      result: { action: "decline" },
    });
    assert.is(await outcome(subject(), answer), "blocked");
    assert.is(await outcome(subject(), other.call("session.mode.get", of)), "blocked");
    await other.ok("ping");
    const another = await create(other);
    await other.ok("session.mode.get", another);
    await other.ok("sessions.close", of);
    assert.is.not(await outcome(subject(), elicited), "blocked");
    for (const call of [attached, answer]) call.catch(() => undefined);
  });

  test("the caller of `ui.elicitation` drops: its question waits on, or is cancelled with the last that could elicit", async () => {
    await using holder = await subject().connect();
    const dropped = async (flags: Record<string, boolean>) => {
      const owner = await subject().connect();
      const of = await create(owner, flags);
      await holder.ok("session.resume", { ...of, disableResume: true });
      owner.call("session.ui.elicitation", { ...of, ...elicitation }).catch(() => undefined);
      const { requestId } = (await holder.event(of.sessionId, "elicitation.requested")).data;
      await owner.close();
      return { ...of, requestId, result: { action: "decline" } };
    };
    const waits = await dropped({});
    assert.equal(await holder.ok("session.ui.handlePendingElicitation", waits), { success: true });
    const cancelled = await dropped({ requestElicitation: true });
    const { data } = await holder.event(cancelled.sessionId, "elicitation.completed");
    assert.equal(data, { requestId: cancelled.requestId, action: "cancel" });
    assert.equal(await holder.ok("session.ui.handlePendingElicitation", cancelled), { success: false });
  });

  test("a client's command, `mcp.list` that waits for headers, `callTool` and a long poll block an attach as well", async () => {
    await using late = await subject().connect();
    const blocks = async (blocked: Promise<unknown>, of: { sessionId: string }) => {
      blocked.catch(() => undefined);
      const attached = late.call("session.resume", { ...of, disableResume: true });
      attached.catch(() => undefined);
      assert.is(await outcome(subject(), attached), "blocked");
      await late.ok("sessions.close", of);
      await outcome(subject(), blocked);
    };
    {
      await using owner = await subject().connect();
      const of = await create(owner, { commands: [{ name: "brew" }] });
      const executed = owner.call("session.commands.execute", { ...of, commandName: "brew", args: "" });
      await owner.event(of.sessionId, "command.execute");
      await blocks(executed, of);
    }
    {
      await using owner = await subject().connect();
      await using scenario = await subject().scenario("headers");
      const of = await create(owner, scenario);
      await interest(owner, of, "mcp.headers_refresh_required");
      const listed = owner.call("session.mcp.list", of);
      await owner.event(of.sessionId, "mcp.headers_refresh_required");
      await blocks(listed, of);
    }
    {
      await using owner = await subject().connect();
      await using scenario = await subject().protectedScenario({ requestMcpApps: true });
      const of = await create(owner, scenario);
      await interest(owner, of, "mcp.oauth_required");
      const { data } = await owner.event(of.sessionId, "mcp.oauth_required");
      await owner.ok("session.mcp.oauth.handlePendingRequest", {
        ...of,
        requestId: data.requestId,
        result: await scenario.token(data),
      });
      await status(owner, of, "connected");
      scenario.refuse(of.sessionId);
      const called = owner.call("session.mcp.apps.callTool", {
        ...of,
        serverName: "notes",
        toolName: "write",
        originServerName: "notes",
      });
      await owner.event(of.sessionId, "mcp.oauth_required", 2);
      await blocks(called, of);
    }
    {
      await using owner = await subject().connect();
      const of = await create(owner);
      const { cursor } = await owner.ok("session.eventLog.tail", of);
      const polled = owner.call("session.eventLog.read", { ...of, cursor, waitMs: 20_000 });
      assert.is(await outcome(subject(), polled), "blocked");
      await blocks(polled, of);
    }
  });

  test("with the holder attached first nothing is wedged", async () => {
    await using owner = await subject().connect();
    await using holder = await subject().connect();
    const of = await create(owner);
    await holder.ok("session.resume", { ...of, disableResume: true });
    const elicited = owner.call("session.ui.elicitation", { ...of, ...elicitation });
    const { requestId } = (await holder.event(of.sessionId, "elicitation.requested")).data;
    const result = { action: "accept", content: { colour: "red" } };
    assert.equal(await holder.ok("session.ui.handlePendingElicitation", { ...of, requestId, result }), {
      success: true,
    });
    assert.equal((await elicited).result, result);
  });

  test("a turn that waits for a permission, and a server that waits for its first token, let an attach in", async () => {
    await using owner = await subject().connect();
    await using late = await subject().connect();
    await using scenario = await subject().scenario("permission");
    const of = await create(owner, scenario);
    scenario.script(of.sessionId, "permission");
    await owner.ok("session.send", { ...of, prompt: "Go on." });
    await owner.event(of.sessionId, "permission.requested");
    await late.ok("session.resume", { ...of, disableResume: true });
    await using guarded = await subject().protectedScenario();
    const second = await create(owner, guarded);
    await interest(owner, second, "mcp.oauth_required");
    await owner.event(second.sessionId, "mcp.oauth_required");
    await late.ok("session.resume", { ...second, disableResume: true });
  });
};
