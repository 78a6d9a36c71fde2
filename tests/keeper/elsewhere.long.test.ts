/** A server that was connected another way: what waited for a token waits no more, and nobody is asked to sign in for it. */
import { registerInterest } from "latchkey/events";
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { handlePendingRequest, pendingRequest, readAsked, runtimeLogin } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { suite, within } from "../support/suite.js";
import {
  approvePermissions,
  cli,
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
} from "../support/world.js";

const test = suite(`Connected another way, on ${cli.name}`, { timeoutMs: 60_000 });
let testRuntime: TestRuntime;
let place: Place;
test.before(async () => {
  [testRuntime, place] = await Promise.all([startTestRuntime(cli), sqlitePlace()]);
});
test.after(async () => {
  await testRuntime.close();
  await place[Symbol.asyncDispose]();
});

async function create(rpc: Rpc, world: World): Promise<Session> {
  const { sessionId } = await rpc.request("session.create", world.sessionParams());
  const session = rpc.session(sessionId);
  approvePermissions(session);
  return session;
}

/** Signs in by the runtime's own means. */
async function signIn(rpc: Rpc, session: Session): Promise<void> {
  const redirectUri = "https://host.example/callback";
  const own = { serverName, redirectUri, clientId: publicClient.id, publicClient: true };
  const login = await runtimeLogin.begin(rpc, session.id, own);
  assert.ok(login);
  const { headers } = await fetch(login.url, { redirect: "manual" });
  await runtimeLogin.finish(rpc, login, headers.get("location") ?? "");
}

async function becomes(ledger: Ledger, wanted: (entry: Entry) => boolean): Promise<Entry> {
  const transitions = ledger.watch();
  for (const entry of await ledger.list()) if (wanted(entry)) return entry;
  for await (const entry of transitions) if (wanted(entry)) return entry;
  throw new Error("the watch ended");
}

test("a recorder that listens settles the entry elsewhere, and a broker gets nothing to do", async () => {
  await using world = await openWorld();
  await using ledger = await openLedger(await place.location(), { key });
  await using rpc = await testRuntime.connect();
  await using _recorder = recordPending(rpc, ledger, { principal: "ada" });
  const session = await create(rpc, world);
  await registerInterest(session, "mcp.oauth_required");
  const open = await within(
    10_000,
    becomes(ledger, ({ state }) => state === "open"),
    "the request",
  );
  const settled = becomes(ledger, ({ state }) => state === "settled");
  await signIn(rpc, session);
  const entry = await within(10_000, settled, "the connection");
  assert.is(entry.id, open.id);
  assert.is(entry.outcome, "elsewhere");
  assert.is(await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker" }), undefined);
  assert.equal((await readAsked(session)).events, []);
});

test("a recorder that was away asks: settled elsewhere, not lost", async () => {
  await using world = await openWorld();
  await using ledger = await openLedger(await place.location(), { key });
  await using rpc = await testRuntime.connect();
  const session = await create(rpc, world);
  const early = recordPending(rpc, ledger, { principal: "ada" });
  await registerInterest(session, "mcp.oauth_required");
  const { id } = await within(
    10_000,
    becomes(ledger, ({ state }) => state === "open"),
    "the request",
  );
  await early.close();
  await signIn(rpc, session);
  await serverStatus(session, "connected");
  await using late = recordPending(rpc, ledger, { principal: "ada" });
  assert.equal(await late.catchUp(session.id), []);
  assert.is((await ledger.get(id))?.outcome, "elsewhere");
});

test("an answer that came too late for it is not sent: settled elsewhere as well", async () => {
  await using world = await openWorld();
  await using ledger = await openLedger(await place.location(), { key });
  await using rpc = await testRuntime.connect();
  const session = await create(rpc, world);
  const early = recordPending(rpc, ledger, { principal: "ada" });
  const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  await registerInterest(session, "mcp.oauth_required");
  const { data } = await asked;
  const { id } = await within(
    10_000,
    becomes(ledger, ({ state }) => state === "open"),
    "the request",
  );
  await early.close();
  await ledger.answer(id, tokenAnswer(await obtainToken(data)));
  await signIn(rpc, session);
  await serverStatus(session, "connected");
  await using _deliverer = deliverAnswers(rpc, ledger);
  const entry = await within(
    10_000,
    becomes(ledger, ({ state }) => state === "settled"),
    "the deliverer",
  );
  assert.is(entry.outcome, "elsewhere");
  assert.equal(
    (await ledger.receipts(id)).map(({ state }) => state),
    ["open", "answered", "settled"],
  );
});

test("what a call waits for stays, though the server is connected: only its own answer frees it", async () => {
  await using world = await openWorld();
  await using ledger = await openLedger(await place.location(), { key });
  await using rpc = await testRuntime.connect();
  const session = await create(rpc, world);
  const initial = session.events.wait("mcp.oauth_required", { timeoutMs: 10_000 });
  await registerInterest(session, "mcp.oauth_required");
  const first = pendingRequest(await initial, { sessionId: session.id });
  await handlePendingRequest(rpc, first, tokenAnswer(await obtainToken(first.data)));
  await serverStatus(session, "connected");
  world.model.say({ tool: "whoami" });
  await runTurn(session, "Who am I?");
  await using _recorder = recordPending(rpc, ledger, { principal: "ada" });
  world.authorization.revokeAll();
  world.model.say({ tool: "whoami" });
  const idle = session.events.wait("session.idle", { timeoutMs: 30_000 });
  await session.request("send", { prompt: "And now?" });
  const refresh = await within(
    10_000,
    becomes(ledger, ({ state }) => state === "open"),
    "the request in the call",
  );
  const again = session.events.wait("session.mcp_server_status_changed", {
    where: ({ data }) => data.status === "connected",
    timeoutMs: 10_000,
  });
  const reauth = session.events.wait("mcp.oauth_required", {
    where: ({ data }) => data.reason === "reauth",
    timeoutMs: 10_000,
  });
  await signIn(rpc, session);
  await again;
  const { data } = await reauth;
  const { id } = await within(
    10_000,
    becomes(ledger, ({ requestId }) => requestId === data.requestId),
    "its entry",
  );
  assert.is((await ledger.get(id))?.state, "open");
  assert.is.not(id, refresh.id);
  await using _deliverer = deliverAnswers(rpc, ledger);
  await ledger.answer(id, tokenAnswer(await obtainToken(data)));
  await idle;
  assert.equal(world.model.toolResults(), ["ada", "ada"]);
});
