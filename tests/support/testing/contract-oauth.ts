/** What a runtime does with MCP servers that want a token, and with interest. */
import * as assert from "uvu/assert";
import { create, interest, type Of, outcome, type Register, status, turn } from "./contract.js";
import type { Scenario, Subject } from "./subject.js";
import type { Data, Wire } from "./wire.js";

const required = "mcp.oauth_required";
const completed = "mcp.oauth_completed";

const answer = async (wire: Wire, of: Of, requestId: unknown, result?: unknown): Promise<unknown> => {
  const params = { ...of, requestId, ...(result === undefined ? {} : { result }) };
  const reply = await wire.call("session.mcp.oauth.handlePendingRequest", params);
  return reply.error ? reply.error.message.replace(/^.* failed with message: /, "") : reply.result?.success;
};

/** A session whose server stands in `needs-auth`, with nothing asked. */
async function refused(wire: Wire, scenario: Scenario): Promise<Of> {
  const of = await create(wire, scenario);
  await status(wire, of, "needs-auth");
  await settled(wire, of);
  return of;
}

/** Statuses flap at the start; they are still when one call after another says the same. */
async function settled(wire: Wire, of: Of): Promise<void> {
  for (let same = 0, last = -1; same < 6; ) {
    const count = wire.events(of.sessionId).length;
    same = count === last ? same + 1 : 0;
    last = count;
    await new Promise((resolve) => setTimeout(resolve, 15));
    await wire.ok("session.mode.get", of);
  }
}

/** A session whose server has taken a token. */
async function connected(wire: Wire, scenario: Scenario): Promise<Of> {
  const of = await create(wire, scenario);
  await interest(wire, of, required);
  const { data } = await wire.event(of.sessionId, required);
  assert.is(await answer(wire, of, data.requestId, await scenario.token(data)), true);
  await status(wire, of, "connected");
  return of;
}

const asked = (wire: Wire, of: Of): Data[] => wire.events(of.sessionId, required).map(({ data }) => data);
/** So many requests there were, and there will be no other. */
const noMore = async (subject: Subject, wire: Wire, of: Of, count: number): Promise<void> => {
  const another = wire.event(of.sessionId, required, count + 1).catch(() => "late");
  assert.is(await outcome(subject, another), "blocked");
};

export const oauthContract: Register = (test, subject) => {
  test("servers start lazily; without interest one that wants a token asks nothing; the first interest asks, no later one", async () => {
    await using wire = await subject().connect();
    await using outsider = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    await interest(wire, of, "mcp.headers_refresh_required", "no.such_event", "");
    await settled(wire, of);
    assert.equal(wire.events(of.sessionId, "session.mcp_server_status_changed"), []);
    await status(wire, of, "needs-auth");
    await settled(wire, of);
    assert.equal(asked(wire, of), []);
    const { handle } = await outsider.ok("session.eventLog.registerInterest", { ...of, eventType: required });
    assert.is(handle, "interest-4");
    const { data, ephemeral } = await wire.event(of.sessionId, required);
    assert.equal([data.reason, data.serverName, ephemeral], ["initial", "notes", true]);
    await interest(wire, of, required);
    await wire.ok("session.mcp.list", of);
    await outsider.close();
    await noMore(subject(), wire, of, 1);
    assert.is(
      await answer(wire, of, data.requestId, { kind: "cancelled" }),
      true,
      "the request outlives who asked for it",
    );
  });

  test("interest at birth asks once; releases always succeed, and release no request", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    const { handle } = await wire.ok("session.eventLog.registerInterest", { ...of, eventType: required });
    const { data } = await wire.event(of.sessionId, required);
    for (const each of [handle, handle, "interest-99"])
      assert.equal(await wire.ok("session.eventLog.releaseInterest", { ...of, handle: each }), { success: true });
    assert.is(await answer(wire, of, data.requestId, await scenario.token(data)), true);
    await status(wire, of, "connected");
    assert.equal(
      wire.events(of.sessionId, completed).map((event) => event.data),
      [{ requestId: data.requestId, outcome: "token" }],
    );
  });

  test("what answers nothing is refused, and the request waits on", async () => {
    await using wire = await subject().connect();
    await using outsider = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    await interest(wire, of, required);
    const { data } = await wire.event(of.sessionId, required);
    const id = data.requestId;
    assert.is(await answer(wire, of, id, { kind: "nonsense" }), false);
    assert.is(await answer(wire, of, id), false);
    assert.is(await answer(wire, of, id, { kind: "token" }), "MCP OAuth token response is missing accessToken");
    assert.is(await answer(wire, of, undefined, { kind: "cancelled" }), "missing string parameter 'requestId'");
    assert.is(await answer(wire, of, 5, { kind: "cancelled" }), "missing string parameter 'requestId'");
    assert.is(await answer(wire, of, "nobody", { kind: "cancelled" }), false);
    assert.is(await answer(outsider, of, id, await scenario.token(data)), true, "an outsider answers");
    assert.is(await answer(wire, of, id, await scenario.token(data)), false, "once");
  });

  test("cancelled, and a token that the server refuses: needs-auth, and nothing more is asked", async () => {
    await using wire = await subject().connect();
    for (const [result, told] of [
      [{ kind: "cancelled" }, "cancelled"],
      [{ kind: "token", accessToken: "wrong" }, "token"],
    ] as const) {
      await using scenario = await subject().protectedScenario();
      const of = await refused(wire, scenario);
      await interest(wire, of, required);
      const { data } = await wire.event(of.sessionId, required);
      assert.is(await answer(wire, of, data.requestId, result), true);
      assert.is((await wire.event(of.sessionId, completed)).data.outcome, told);
      await status(wire, of, "needs-auth");
      await interest(wire, of, required);
      await noMore(subject(), wire, of, 1);
    }
  });

  test("a token that is no header value: taken, the server fails, and nobody is asked again", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await refused(wire, scenario);
    await interest(wire, of, required);
    const { data } = await wire.event(of.sessionId, required);
    assert.is(await answer(wire, of, data.requestId, { kind: "token", accessToken: "line\nend" }), true);
    await status(wire, of, "failed");
    await noMore(subject(), wire, of, 1);
  });

  test("reload and authenticationStateChanged ask again, and supersede an open request without a word", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await refused(wire, scenario);
    await interest(wire, of, required);
    const first = (await wire.event(of.sessionId, required)).data;
    await wire.ok("session.mcp.reload", of);
    const second = (await wire.event(of.sessionId, required, 2)).data;
    assert.is.not(first.requestId, second.requestId);
    await settled(wire, of);
    const changed = await wire.call("session.mcp.oauth.authenticationStateChanged", { ...of, serverName: "notes" });
    assert.match(changed.error?.message ?? "", 'MCP server "notes" still requires authentication');
    const third = (await wire.event(of.sessionId, required, 3)).data;
    await settled(wire, of);
    for (const { requestId } of [first, second])
      assert.is(await answer(wire, of, requestId, { kind: "cancelled" }), false);
    assert.equal(wire.events(of.sessionId, completed), []);
    assert.is(await answer(wire, of, third.requestId, { kind: "cancelled" }), true);
    await status(wire, of, "needs-auth");
    await settled(wire, of);
    await wire.call("session.mcp.oauth.authenticationStateChanged", { ...of, serverName: "notes" });
    await wire.event(of.sessionId, required, 4);
  });

  test("restartServer, and disable with enable, end an open request and ask nothing", async () => {
    await using wire = await subject().connect();
    for (const how of ["restart", "disable"]) {
      await using scenario = await subject().protectedScenario();
      const of = await refused(wire, scenario);
      await interest(wire, of, required);
      const { data } = await wire.event(of.sessionId, required);
      const server = { ...of, serverName: "notes" };
      if (how === "restart")
        assert.match(
          (await wire.call("session.mcp.restartServer", server)).error?.message ?? "",
          'MCP server "notes" requires authentication',
        );
      else {
        await wire.ok("session.mcp.disable", server);
        await wire.ok("session.mcp.enable", server);
      }
      await status(wire, of, "needs-auth");
      await settled(wire, of);
      assert.is(await answer(wire, of, data.requestId, { kind: "cancelled" }), false);
      await noMore(subject(), wire, of, 1);
    }
  });

  test("a token is one session's: another asks for the same server", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    await connected(wire, scenario);
    const other = await create(wire, scenario);
    await interest(wire, other, required);
    await wire.event(other.sessionId, required);
  });

  test("refused inside a tool call: `refresh` is asked, and after the token a second permission for the same call", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await connected(wire, scenario);
    await turn(wire, of);
    scenario.revoke(of.sessionId);
    scenario.script(of.sessionId, "protected");
    await wire.ok("session.send", { ...of, prompt: "Go on." });
    const permit = async (n: number): Promise<Data> => {
      const { data } = await wire.event(of.sessionId, "permission.requested", n);
      const params = { ...of, requestId: data.requestId, result: { kind: "approve-once" } };
      assert.equal(await wire.ok("session.permissions.handlePendingPermissionRequest", params), { success: true });
      return data.permissionRequest as Data;
    };
    const first = await permit(1);
    const { data } = await wire.event(of.sessionId, required, 2);
    assert.is(data.reason, "refresh");
    assert.is(await answer(wire, of, data.requestId, await scenario.token(data)), true);
    const second = await permit(2);
    assert.is(first.toolCallId, second.toolCallId);
    assert.is((await wire.event(of.sessionId, "tool.execution_complete")).data.success, true);
  });

  test("refused inside a tool call: cancelled twice, or with no interest left, the call fails", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await connected(wire, scenario);
    await turn(wire, of);
    const fails = async (n: number): Promise<void> => {
      scenario.revoke(of.sessionId);
      scenario.script(of.sessionId, "protected");
      await wire.ok("session.send", { ...of, prompt: "Go on." });
      const { data } = await wire.event(of.sessionId, "permission.requested", n);
      await wire.ok("session.permissions.handlePendingPermissionRequest", {
        ...of,
        requestId: data.requestId,
        result: { kind: "approve-once" },
      });
    };
    await fails(1);
    for (const [n, reason] of [
      [2, "refresh"],
      [3, "reauth"],
    ] as const) {
      const { data } = await wire.event(of.sessionId, required, n);
      assert.is(data.reason, reason);
      assert.is(await answer(wire, of, data.requestId, { kind: "cancelled" }), true);
    }
    const { data } = await wire.event(of.sessionId, "tool.execution_complete");
    assert.is(data.success, false);
    assert.match(JSON.stringify(data), "Re-authentication required");
  });
};
