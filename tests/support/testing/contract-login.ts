/** What a runtime does by itself about sign-ins: its own one, and refreshes that the host leaves to it. */
import * as assert from "uvu/assert";
import { publicClient } from "../world.js";
import { create, interest, type Of, outcome, type Register, status, turn } from "./contract.js";
import type { Scenario } from "./subject.js";
import type { Data, Wire } from "./wire.js";

const required = "mcp.oauth_required";
const redirectUri = "https://host.example/callback";
const own = { serverName: "notes", clientId: publicClient.id, publicClient: true };

const answer = async (wire: Wire, of: Of, requestId: unknown, result: unknown): Promise<unknown> =>
  (await wire.call("session.mcp.oauth.handlePendingRequest", { ...of, requestId, result })).result?.success;

async function signIn(wire: Wire, scenario: Scenario, of: Of): Promise<void> {
  const { authorizationUrl, authorizationId } = await wire.ok("session.mcp.oauth.login", {
    ...of,
    ...own,
    redirectUri,
  });
  const callbackUrl = await scenario.consent(String(authorizationUrl));
  await wire.ok("session.mcp.oauth.complete", { ...of, authorizationId, callbackUrl });
  await status(wire, of, "connected");
}

/** A call that the server refuses, permitted as often as it is asked: the request in it. */
async function refusedInCall(wire: Wire, scenario: Scenario, of: Of): Promise<Data> {
  const asked = wire.events(of.sessionId, required).length;
  scenario.revoke(of.sessionId);
  scenario.script(of.sessionId, "protected");
  await wire.ok("session.send", { ...of, prompt: "Go on." });
  const permitted = new Set<unknown>();
  void (async () => {
    for (let n = 1; ; n += 1) {
      const event = await wire.event(of.sessionId, "permission.requested", n).catch(() => undefined);
      if (event === undefined || permitted.has(event.id)) return;
      permitted.add(event.id);
      const decision = { ...of, requestId: event.data.requestId, result: { kind: "approve-once" } };
      await wire.call("session.permissions.handlePendingPermissionRequest", decision).catch(() => undefined);
    }
  })();
  return (await wire.event(of.sessionId, required, asked + 1)).data;
}

export const loginContract: Register = (test, subject) => {
  test("the runtime's own sign-in: begun once, asks nobody, finished once by any connection; what was asked at the start is gone", async () => {
    await using wire = await subject().connect();
    await using outsider = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    if (subject().older) {
      const { error } = await wire.call("session.mcp.oauth.complete", {
        ...of,
        authorizationId: "x",
        callbackUrl: "x",
      });
      assert.is(error?.code, -32601);
      return;
    }
    await interest(wire, of, required);
    const { data } = await wire.event(of.sessionId, required);
    const begun = await wire.ok("session.mcp.oauth.login", { ...of, ...own, redirectUri });
    const { authorizationUrl, authorizationId } = begun;
    assert.is(new URL(String(authorizationUrl)).searchParams.get("state"), authorizationId);
    const again = await wire.call("session.mcp.oauth.login", { ...of, ...own, redirectUri });
    assert.match(again.error?.message ?? "", "already in progress");
    const denied = `${redirectUri}?error=access_denied&state=${authorizationId}`;
    const complete = async (by: Wire, callbackUrl: string) =>
      (await by.call("session.mcp.oauth.complete", { ...of, authorizationId, callbackUrl })).error?.message ?? "";
    assert.match(await complete(outsider, denied), "access_denied");
    const callbackUrl = await scenario.consent(String(authorizationUrl));
    assert.is(await complete(outsider, callbackUrl), "");
    await status(wire, of, "connected");
    assert.match(await complete(outsider, callbackUrl), "unknown or no longer pending");
    assert.is(await answer(wire, of, data.requestId, { kind: "cancelled" }), false, "dropped");
    assert.equal(wire.events(of.sessionId, "mcp.oauth_completed"), [], "without a word");
    assert.is(wire.events(of.sessionId, required).length, 1);
    const good = await wire.ok("session.mcp.oauth.login", { ...of, ...own, redirectUri });
    assert.is(good.authorizationUrl, undefined, "nobody has to sign in");
  });

  test("the runtime's own sign-in dies with the runtime", async () => {
    if (subject().older) return;
    const wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    await turn(wire, of);
    const begun = await wire.ok("session.mcp.oauth.login", { ...of, ...own, redirectUri });
    const callbackUrl = await scenario.consent(String(begun.authorizationUrl));
    await subject().onDisk(of.sessionId, "Hello.");
    await subject().restart();
    await using next = await subject().connect();
    await next.ok("session.resume", { ...scenario.params, ...of });
    const { authorizationId } = begun;
    const { error } = await next.call("session.mcp.oauth.complete", { ...of, authorizationId, callbackUrl });
    assert.match(error?.message ?? "", "unknown or no longer pending");
  });

  test("a refresh that is left to the runtime: it says how that ended, then completes the request", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    await interest(wire, of, required);
    const first = (await wire.event(of.sessionId, required)).data;
    const left = { kind: "runtimeRefresh" };
    if (subject().older) {
      assert.is(await answer(wire, of, first.requestId, left), false, "it does not know that");
      assert.is("runtimeRefreshSupported" in first, false);
      return;
    }
    await signIn(wire, scenario, of);
    await turn(wire, of);
    const { requestId, runtimeRefreshSupported, reason } = await refusedInCall(wire, scenario, of);
    assert.equal([reason, runtimeRefreshSupported], ["refresh", true]);
    assert.is(await answer(wire, of, requestId, left), true);
    const recovered = await wire.event(of.sessionId, "mcp.oauth_recovery_completed");
    assert.equal(recovered.data, { requestId, serverName: "notes", outcome: "succeeded" });
    assert.equal((await wire.event(of.sessionId, "mcp.oauth_completed")).data, { requestId, outcome: "token" });
    assert.is((await wire.event(of.sessionId, "tool.execution_complete")).data.success, true);
  });

  test("a refresh that is left to the runtime where the token was the host's: failed, then cancelled", async () => {
    if (subject().older) return;
    await using wire = await subject().connect();
    await using scenario = await subject().protectedScenario();
    const of = await create(wire, scenario);
    await interest(wire, of, required);
    const first = (await wire.event(of.sessionId, required)).data;
    assert.is("runtimeRefreshSupported" in first, false);
    await answer(wire, of, first.requestId, await scenario.token(first));
    await status(wire, of, "connected");
    await turn(wire, of);
    const { requestId } = await refusedInCall(wire, scenario, of);
    assert.is(await answer(wire, of, requestId, { kind: "runtimeRefresh" }), true);
    assert.is((await wire.event(of.sessionId, "mcp.oauth_recovery_completed")).data.outcome, "failed");
    assert.is((await wire.event(of.sessionId, "mcp.oauth_completed", 2)).data.outcome, "cancelled");
    assert.is((await wire.event(of.sessionId, "tool.execution_complete")).data.success, false);
    assert.is(await outcome(subject(), wire.event(of.sessionId, required, 3)), "blocked", "nobody is asked again");
  });
};
