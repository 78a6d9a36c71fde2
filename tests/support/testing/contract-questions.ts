/** What holds for questions whatever their kind: who hears them, who wins, and what is told besides. */
import * as assert from "uvu/assert";
import { create, interest, outcome, type Register, status, turn } from "./contract.js";
import { type Data, openWire, type WireEvent } from "./wire.js";

const nobody = "00000000-0000-4000-8000-000000000002";

export const questionsContract: Register = (test, subject) => {
  test("of four answers at once from two connections one is taken", async () => {
    await using owner = await subject().connect();
    await using other = await subject().connect();
    const of = await create(owner);
    void owner.call("session.ui.elicitation", {
      ...of,
      message: "Which?",
      requestedSchema: { type: "object", properties: {} },
    });
    const { requestId } = (await owner.event(of.sessionId, "elicitation.requested")).data;
    const answers = await Promise.all(
      [owner, other, owner, other].map((wire) =>
        wire.ok("session.ui.handlePendingElicitation", { ...of, requestId, result: { action: "decline" } }),
      ),
    );
    assert.is(answers.filter(({ success }) => success === true).length, 1);
  });

  test("who attaches is told nothing of what waits, and finds it in the log", async () => {
    await using owner = await subject().connect();
    await using late = await subject().connect();
    await using scenario = await subject().scenario("permission");
    const of = await create(owner, scenario);
    scenario.script(of.sessionId, "permission");
    await owner.ok("session.send", { ...of, prompt: "Go on." });
    const { data } = await owner.event(of.sessionId, "permission.requested");
    await late.ok("session.resume", { ...of, disableResume: true });
    await late.ok("session.mode.get", of);
    assert.equal(late.events(of.sessionId, "permission.requested"), []);
    const { events } = (await late.ok("session.eventLog.read", {
      ...of,
      types: ["permission.requested"],
    })) as unknown as {
      events: WireEvent[];
    };
    assert.equal(
      events.map((event) => event.data.requestId),
      [data.requestId],
    );
  });

  test("a permission of 1.0.102 says its mode and whose it is; that of 1.0.85 does not", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().scenario("permission");
    const of = await create(wire, scenario);
    scenario.script(of.sessionId, "permission");
    await wire.ok("session.send", { ...of, prompt: "Go on." });
    const { data, ephemeral } = await wire.event(of.sessionId, "permission.requested");
    assert.is(ephemeral, undefined);
    assert.equal(
      ["permissionMode", "ownerSessionId"].map((name) => name in data),
      subject().older ? [false, false] : [true, true],
    );
  });

  test("a call of an external tool that waits is listed by 1.0.102, and no longer when it is answered", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().scenario("externalTool");
    const of = await create(wire, scenario);
    scenario.script(of.sessionId, "externalTool");
    await wire.ok("session.send", { ...of, prompt: "Go on." });
    const { data } = await wire.event(of.sessionId, "external_tool.requested");
    const listed = await wire.call("session.tools.listPendingRequests", of);
    if (subject().older) assert.is(listed.error?.code, -32601);
    else {
      const { items } = listed.result as { items: Data[] };
      assert.equal(
        items.map(({ requestId, toolCallId, toolName }) => [requestId, toolCallId, toolName]),
        [[data.requestId, data.toolCallId, "ticket"]],
      );
    }
    await wire.ok("session.tools.handlePendingToolCall", { ...of, requestId: data.requestId, result: "ticket 17" });
    await wire.event(of.sessionId, "session.idle");
    if (subject().older) return;
    assert.equal((await wire.ok("session.tools.listPendingRequests", of)).items, []);
  });

  test("an answer of a host is not told as a person's", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().scenario("userInput");
    const of = await create(wire, scenario);
    await interest(wire, of, "user_input.requested");
    scenario.script(of.sessionId, "userInput");
    await wire.ok("session.send", { ...of, prompt: "Go on." });
    const { requestId } = (await wire.event(of.sessionId, "user_input.requested")).data;
    await wire.ok("session.ui.handlePendingUserInput", {
      ...of,
      requestId,
      response: { answer: "yes", wasFreeform: false },
    });
    await wire.event(of.sessionId, "session.idle");
    assert.equal(wire.events(of.sessionId, "human_response.recorded"), []);
  });

  test("the kinds that need a GitHub back end: their methods are there, and want a response, whatever it is", async () => {
    await using wire = await subject().connect();
    const of = await create(wire);
    for (const [method, good, bad] of [
      ["session.ui.handlePendingAutoModeSwitch", "yes", "perhaps"],
      ["session.ui.handlePendingSessionLimitsExhausted", { action: "cancel" }, { action: "perhaps" }],
    ] as const) {
      const says = (response?: unknown) =>
        wire.call(method, { ...of, requestId: nobody, ...(response === undefined ? {} : { response }) });
      for (const response of [good, bad, 5]) assert.equal((await says(response)).result, { success: false }, method);
      assert.match((await says()).error?.message ?? "", "missing parameter 'response'");
    }
  });

  test("headers: none given, and they are asked for anew as refused", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().scenario("headers");
    const of = await create(wire, scenario);
    await interest(wire, of, "mcp.headers_refresh_required");
    wire.call("session.mcp.list", of).catch(() => undefined);
    for (let n = 1; ; n += 1) {
      const { data } = await wire.event(of.sessionId, "mcp.headers_refresh_required", n);
      if (data.reason === "auth-failed") break;
      assert.is(data.reason, "startup");
      const params = { ...of, requestId: data.requestId, result: { kind: "none" } };
      await wire.ok("session.mcp.headers.handlePendingHeadersRefreshRequest", params);
    }
    await wire.ok("sessions.close", of);
  });

  test("shutdown: what is asked about servers dies without a word, a permission waits on, a blocked `callTool` fails", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    await interest(wire, of, "mcp.oauth_required");
    const { requestId } = (await wire.event(of.sessionId, "mcp.oauth_required")).data;
    await wire.ok("session.shutdown", of);
    const cancelled = { ...of, requestId, result: { kind: "cancelled" } };
    assert.equal(await wire.ok("session.mcp.oauth.handlePendingRequest", cancelled), { success: false });
    assert.equal(wire.events(of.sessionId, "mcp.oauth_completed"), []);
    await wire.ok("session.mode.get", of);

    await using asking = await subject().scenario("permission");
    const second = await create(wire, asking);
    asking.script(second.sessionId, "permission");
    await wire.ok("session.send", { ...second, prompt: "Go on." });
    const permission = (await wire.event(second.sessionId, "permission.requested")).data;
    await wire.ok("session.shutdown", second);
    const approve = { ...second, requestId: permission.requestId, result: { kind: "approve-once" } };
    assert.equal(await wire.ok("session.permissions.handlePendingPermissionRequest", approve), { success: true });
  });
};

export const loadsContract: Register = (test, subject) => {
  test("a first token that waits: kept when its owner drops and a holder stays, asked for anew under another id after a kill", async () => {
    const owner = await subject().connect();
    const holder = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(owner, scenario);
    await holder.ok("session.resume", { ...of, disableResume: true });
    await interest(holder, of, "mcp.oauth_required");
    const { requestId } = (await holder.event(of.sessionId, "mcp.oauth_required")).data;
    await turn(holder, of);
    await owner.close();
    const cancelled = { ...of, result: { kind: "cancelled" } };
    await subject().onDisk(of.sessionId, "Hello.");
    await subject().restart();
    await using next = await subject().connect();
    await next.ok("session.resume", { ...scenario.params, ...of, continuePendingWork: true });
    assert.is(
      await outcome(subject(), next.event(of.sessionId, "mcp.oauth_required")),
      "blocked",
      "nobody is interested",
    );
    await interest(next, of, "mcp.oauth_required");
    const again = (await next.event(of.sessionId, "mcp.oauth_required")).data;
    assert.is.not(again.requestId, requestId);
    const late = await next.ok("session.mcp.oauth.handlePendingRequest", { ...cancelled, requestId });
    assert.equal(late, { success: false });
  });

  test("a token that waits inside a call, over a kill: 1.0.85 makes the call again, 1.0.102 closes it", async () => {
    const wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    await interest(wire, of, "mcp.oauth_required");
    const first = (await wire.event(of.sessionId, "mcp.oauth_required")).data;
    const token = { ...of, requestId: first.requestId, result: await scenario.token(first) };
    await wire.ok("session.mcp.oauth.handlePendingRequest", token);
    await status(wire, of, "connected");
    await turn(wire, of);
    scenario.revoke(of.sessionId);
    scenario.script(of.sessionId, "protected");
    await wire.ok("session.send", { ...of, prompt: "Go on." });
    const { data } = await wire.event(of.sessionId, "permission.requested");
    const approve = { ...of, requestId: data.requestId, result: { kind: "approve-once" } };
    await wire.ok("session.permissions.handlePendingPermissionRequest", approve);
    const { requestId } = (await wire.event(of.sessionId, "mcp.oauth_required", 2)).data;
    await subject().onDisk(of.sessionId, '"permission.completed"');
    await subject().restart();
    await using next = await subject().connect();
    await next.ok("session.resume", { ...scenario.params, ...of, continuePendingWork: true });
    const closed = (await next.event(of.sessionId, "tool.execution_complete")).data;
    assert.is(closed.success, false);
    assert.equal(closed.interactionId, "resume");
    const made = subject().older ? /authentication/i : /interrupted/i;
    assert.match(JSON.stringify(closed), made, JSON.stringify(closed));
    const late = { ...of, requestId, result: { kind: "cancelled" } };
    assert.equal(await next.ok("session.mcp.oauth.handlePendingRequest", late), { success: false });
  });

  test("a session is announced before its maker has the response by 1.0.102, after it by 1.0.85", async () => {
    await using wire = await subject().connect();
    const order: string[] = [];
    const both = wire.next(({ id, method, params }) => {
      if (typeof id === "number" && method === undefined) order.push("response");
      if (method === "session.lifecycle" && (params as Data).type === "session.created") order.push("announced");
      return new Set(order).size === 2;
    });
    await wire.ok("session.create", {});
    await both;
    assert.is(order[0], subject().older ? "response" : "announced");
  });

  test("an attach with a model switches it, one without leaves it", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().scenario("userInput");
    const of = await create(wire, scenario);
    const model = async () => (await wire.ok("session.model.getCurrent", of)).modelId;
    assert.is(await model(), "scripted");
    await wire.ok("session.resume", { ...of, disableResume: true });
    assert.is(await model(), "scripted");
    await wire.ok("session.resume", { ...of, disableResume: true, model: "another" });
    assert.is(await model(), "another");
  });

  test("the wedge of a late attach outlives the connection that made it", async () => {
    await using owner = await subject().connect();
    await using other = await subject().connect();
    const late = await subject().connect();
    const of = await create(owner, { commands: [{ name: "brew" }] });
    owner.call("session.commands.execute", { ...of, commandName: "brew", args: "" }).catch(() => undefined);
    await owner.event(of.sessionId, "command.execute");
    assert.is(await outcome(subject(), late.call("session.resume", { ...of, disableResume: true })), "blocked");
    assert.is(await outcome(subject(), other.call("session.mode.get", of)), "blocked");
    await late.close();
    assert.is(await outcome(subject(), other.call("session.mode.get", of)), "blocked");
    await other.ok("sessions.close", of);
  });

  test("1.0.85 lets 128 connections in at a time: one more is never answered, a new one is when another has gone", async () => {
    await subject().restart();
    const wires = await Promise.all(Array.from({ length: 128 }, () => subject().connect()));
    const { endpoint, token } = subject();
    await using late = await openWire({ endpoint });
    try {
      const hello = late.call("connect", { token });
      const came = await outcome(subject(), hello);
      if (!subject().older) return assert.is.not(came, "blocked");
      assert.is(came, "blocked");
      await wires.pop()?.close();
      await (await subject().connect()).close();
      assert.is(await outcome(subject(), hello), "blocked");
    } finally {
      await Promise.all(wires.map((wire) => wire.close()));
    }
  });
};
