import { registerInterest } from "latchkey/events";
import { handlePendingRequest, pendingRequest, type RuntimeLogin, runtimeLogin } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { rejects, suite } from "../../support/suite.js";
import {
  approvePermissions,
  bundled,
  cli,
  exposeErrors,
  obtainToken,
  openWorld,
  publicClient,
  runTurn,
  serverName,
  serverStatus,
  startTestRuntime,
  type TestRuntime,
  tokenAnswer,
  type World,
} from "../../support/world.js";

const redirectUri = "https://host.example/callback";
const own = { serverName, redirectUri, clientId: publicClient.id, publicClient: true };

/** Where the browser of somebody who consents is sent. */
async function consent(login: RuntimeLogin | undefined): Promise<string> {
  if (login === undefined) throw new Error("no sign-in has begun");
  const { headers } = await fetch(login.url, { redirect: "manual" });
  return headers.get("location") ?? "";
}

function sent(): never {
  throw new Error("something was sent");
}

async function openSession(rpc: Rpc, world: World): Promise<Session> {
  const { sessionId } = await rpc.request("session.create", world.sessionParams());
  const session = rpc.session(sessionId);
  approvePermissions(session);
  exposeErrors(session.events);
  return session;
}

const test = suite(`The runtime's own sign-in on ${cli.name}`);
let testRuntime: TestRuntime;
test.before(async () => {
  testRuntime = await startTestRuntime(cli);
});
test.after(() => testRuntime.close());

test("begun here, finished over another connection with JSON alone, once; the request that waited is gone", async () => {
  await using world = await openWorld();
  await using rpc = await testRuntime.connect();
  const session = await openSession(rpc, world);
  const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  await registerInterest(session, "mcp.oauth_required");
  const request = pendingRequest(await asked, { sessionId: session.id });

  const login = await runtimeLogin.begin(rpc, session.id, { ...own, issuer: world.authorization.issuer });
  await rejects(runtimeLogin.begin(rpc, session.id, own), { code: "RPC", message: /already in progress/ });
  const kept = JSON.stringify(login);
  const callback = await consent(login);
  assert.is(new URL(callback).searchParams.get("state"), login?.authorizationId);

  await using outsider = await testRuntime.connect();
  await runtimeLogin.finish(outsider, JSON.parse(kept), callback);
  await serverStatus(session, "connected");
  await rejects(runtimeLogin.finish(outsider, JSON.parse(kept), callback), { code: "UNKNOWN_LOGIN" });
  assert.is(world.authorization.issued.byCode, 1);
  assert.equal(await handlePendingRequest(rpc, request, { kind: "cancelled" }), { accepted: false });
  assert.is(await runtimeLogin.begin(rpc, session.id, own), undefined, "the token is good: nobody has to sign in");
});

test("a callback of another sign-in, place or issuer is refused before anything is sent, and the right one still counts", async () => {
  await using world = await openWorld();
  await using rpc = await testRuntime.connect();
  const session = await openSession(rpc, world);
  const login = await runtimeLogin.begin(rpc, session.id, { ...own, issuer: world.authorization.issuer });
  assert.ok(login);
  const callback = await consent(login);
  const other = (name: string, value: string): string => {
    const url = new URL(callback);
    url.searchParams.set(name, value);
    return url.href;
  };
  const wrong = [
    other("state", "other"),
    other("iss", "https://elsewhere.example"),
    callback.replace("host.example", "elsewhere.example"),
    `${callback}&state=${login.authorizationId}`,
    "no url",
  ];
  const silent = { session: sent };
  for (const url of wrong) await rejects(runtimeLogin.finish(silent, login, url), { code: "INVALID" });
  const denied = `${redirectUri}?error=access_denied&state=${login.authorizationId}`;
  await rejects(runtimeLogin.finish(rpc, login, denied), { code: "RPC", message: /access_denied/ });
  await runtimeLogin.finish(rpc, login, callback);
  await serverStatus(session, "connected");
});

test("a redirect URI that the runtime would refuse is a TypeError", async () => {
  const silent = { capabilities: sent, session: sent };
  for (const uri of ["http://127.0.0.1:1/cb", `${redirectUri}?x=1`, `${redirectUri}#x`, `${redirectUri}?`, "cb"]) {
    const refused = await runtimeLogin
      .begin(silent, "s", { ...own, redirectUri: uri })
      .catch((error: unknown) => error);
    assert.instance(refused, TypeError, uri);
  }
});

test("it ends with the runtime: after a kill nobody can finish it", async () => {
  await using mortal = await startTestRuntime(cli);
  await using world = await openWorld();
  const rpc = await mortal.connect();
  const session = await openSession(rpc, world);
  await runTurn(session, "Are you there?");
  const login = await runtimeLogin.begin(rpc, session.id, own);
  const callback = await consent(login);
  await mortal.restart();
  await using again = await mortal.connect();
  await again.request("session.resume", { ...world.sessionParams(), sessionId: session.id });
  assert.ok(login);
  await rejects(runtimeLogin.finish(again, login, callback), { code: "UNKNOWN_LOGIN" });
  assert.is(world.authorization.issued.byCode, 0);
});

test("a refresh that says so is left to the runtime, and it says how that ended", async () => {
  await using world = await openWorld();
  await using rpc = await testRuntime.connect();
  const session = await openSession(rpc, world);
  const login = await runtimeLogin.begin(rpc, session.id, own);
  assert.ok(login);
  await runtimeLogin.finish(rpc, login, await consent(login));
  await serverStatus(session, "connected");
  await registerInterest(session, "mcp.oauth_required");
  world.model.say({ tool: "whoami" });
  await runTurn(session, "Who am I?");
  world.authorization.revokeAll();

  const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  const recovered = session.events.wait("mcp.oauth_recovery_completed", { timeoutMs: 10_000 });
  const completed = session.events.wait("mcp.oauth_completed", { timeoutMs: 10_000 });
  world.model.say({ tool: "whoami" });
  const turn = runTurn(session, "And now?");
  const request = pendingRequest(await asked, { sessionId: session.id });
  assert.is(request.data.reason, "refresh");
  assert.is(request.data.runtimeRefreshSupported, true);
  assert.equal(await handlePendingRequest(rpc, request, { kind: "runtimeRefresh" }), { accepted: true });
  const { requestId } = request;
  assert.equal((await recovered).data, { requestId, serverName, outcome: "succeeded" });
  assert.equal((await completed).data, { requestId, outcome: "token" });
  await turn;
  assert.equal(world.model.toolResults(), ["ada", "ada"]);
  assert.is(world.authorization.issued.byRefresh, 1);
});

test("where the token was the host's the runtime has nothing to refresh with: failed, then cancelled", async () => {
  await using world = await openWorld();
  await using rpc = await testRuntime.connect();
  const session = await openSession(rpc, world);
  const first = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  await registerInterest(session, "mcp.oauth_required");
  const initial = pendingRequest(await first, { sessionId: session.id });
  await rejects(handlePendingRequest(rpc, initial, { kind: "runtimeRefresh" }), { code: "INVALID" });
  await handlePendingRequest(rpc, initial, tokenAnswer(await obtainToken((await first).data)));
  await serverStatus(session, "connected");
  world.model.say({ tool: "whoami" });
  await runTurn(session, "Who am I?");
  world.authorization.revokeAll();

  const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  const recovered = session.events.wait("mcp.oauth_recovery_completed", { timeoutMs: 10_000 });
  const completed = session.events.wait("mcp.oauth_completed", { timeoutMs: 10_000 });
  world.model.say({ tool: "whoami" });
  const turn = runTurn(session, "And now?");
  const request = pendingRequest(await asked, { sessionId: session.id });
  assert.is(request.data.runtimeRefreshSupported, true, "it says so all the same");
  assert.equal(await handlePendingRequest(rpc, request, { kind: "runtimeRefresh" }), { accepted: true });
  assert.is((await recovered).data.outcome, "failed");
  assert.is((await completed).data.outcome, "cancelled");
  await turn;
});

const older = suite(`The runtime's own sign-in on ${bundled.name}`);

older("is refused by name, and nothing is begun: this runtime would open a listener of its own", async () => {
  await using testRuntime = await startTestRuntime(bundled);
  await using world = await openWorld();
  await using rpc = await testRuntime.connect();
  const session = await openSession(rpc, world);
  await rejects(runtimeLogin.begin(rpc, session.id, own), { code: "UNSUPPORTED" });
});
