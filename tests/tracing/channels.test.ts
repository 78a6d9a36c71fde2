/** The tracing channels: what each says, in which order, and that the calls go on as without them. */
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { LedgerError } from "latchkey";
import { keep } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { beginCode, discover, finishCode, refresh } from "latchkey/oauth";
import { connect } from "latchkey/rpc";
import { fakeRuntime } from "latchkey/testing";
import { channels, subscribe } from "latchkey/tracing";
import * as assert from "uvu/assert";
import { oauthRequest, permissionRequest, token } from "../support/ledger/requests.js";
import { demand, known, places, Reply, TestRuntime } from "../support/oauth/servers.js";
import { memoryPair, trapStrayRejections } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";
import { ended, listenTo, traceNames } from "../support/tracing/heard.js";

const test = suite("tracing channels");
trapStrayRejections(test);

test("have the names that the docs say, for whoever does not use latchkey/tracing", () => {
  for (const name of traceNames) {
    assert.is(channels[name].start.name, `tracing:latchkey:${name}:start`);
    assert.is(channels[name].asyncEnd, tracingChannel(`latchkey:${name}`).asyncEnd);
  }
  assert.equal(Object.keys(channels), traceNames);
});

test("a call is one message from start to asyncEnd", async () => {
  await using ledger = await openLedger(":memory:");
  using all = listenTo(["record"]);
  const request = permissionRequest({ sessionId: "s", requestId: "r", toolCallId: "call-1" });
  const entry = await ledger.record(request);
  assert.equal(
    all.heard.map(({ event }) => event),
    ["start", "end", "asyncStart", "asyncEnd"],
  );
  assert.is(new Set(all.heard.map(({ message }) => message)).size, 1);
  const about = { kind: "permission.requested", sessionId: "s", requestId: "r", toolCallId: "call-1" };
  assert.equal(all.heard[0]?.at, about);
  assert.equal(all.heard[3]?.at, { ...about, result: { id: entry.id, state: "open" } });
});

test("a failure is told by name and code, and reaches the caller as it was", async () => {
  await using ledger = await openLedger(":memory:");
  const { id } = await ledger.record(oauthRequest());
  await ledger.answer(id, token("one"));
  using all = listenTo(["answer"]);
  await rejects(ledger.answer(id, token("two")), { type: LedgerError, code: "CONFLICT" });
  assert.equal(
    all.heard.map(({ event }) => event),
    ["start", "end", "error", "asyncStart", "asyncEnd"],
  );
  const [message] = ended(all, "answer");
  assert.equal(message?.error, { name: "LedgerError", code: "CONFLICT" });
  assert.not.ok(message && "result" in message);
});

test("a mistake of the caller is the call's own error", async () => {
  await using ledger = await openLedger(":memory:");
  const record = () => Reflect.apply(ledger.record, ledger, [undefined]);
  const plain = await rejects(record(), TypeError);
  using _ = listenTo();
  const traced = await rejects(record(), TypeError);
  assert.is(traced.message, plain.message);
});

test("claims and answers say which entry, under which fence, and how long it waited", async () => {
  await using ledger = await openLedger(":memory:");
  using all = listenTo(["claim", "answer"]);
  assert.is(await ledger.claim({}, { owner: "nobody" }), undefined);
  const entry = await ledger.record(oauthRequest({ sessionId: "s", requestId: "r", serverName: "files" }));
  const claim = await ledger.claim({}, { owner: "broker" });
  await claim?.answer(token("t"));
  const about = { id: entry.id, kind: "mcp.oauth_required", sessionId: "s", requestId: "r", serverName: "files" };
  const [none, claimed] = ended(all, "claim");
  assert.equal(none, { owner: "nobody", result: undefined });
  assert.equal(claimed, { owner: "broker", result: { ...about, fence: claim?.fence, entries: 1 } });
  const [answered] = ended(all, "answer");
  const waitedMs = answered?.result?.waitedMs ?? -1;
  assert.ok(waitedMs >= 0 && waitedMs < 60_000, String(waitedMs));
  assert.equal(answered, { ...about, fence: claim?.fence, result: { state: "answered", waitedMs } });
});

test("requests and deliveries, the one inside the other", async () => {
  await using fake = await fakeRuntime();
  await using rpc = await connect(fake.endpoint, { token: fake.token });
  await using ledger = await openLedger(":memory:");
  await using keeping = keep(rpc, ledger);
  const { sessionId } = await rpc.request("session.create", { requestPermission: true });
  await keeping.events.wait("held");
  const storage = new AsyncLocalStorage<string>();
  const parents: (string | undefined)[] = [];
  channels.deliver.start.bindStore(storage, (message) => (message as { id: string }).id);
  using all = listenTo(["request", "deliver"]);
  using _ = subscribe("request", {
    start({ method }) {
      if (/handlePending/.test(method)) parents.push(storage.getStore());
    },
  });
  const recorded = keeping.events.wait("recorded");
  const requestId = fake.raise(sessionId, "permission.requested");
  const { id } = await recorded;
  const settled = keeping.events.wait("settled");
  await ledger.answer(id, { kind: "approve-once" });
  await settled;
  channels.deliver.start.unbindStore(storage);
  const [delivered] = ended(all, "deliver");
  assert.equal(delivered?.result, { state: "settled", outcome: "accepted" });
  assert.equal([delivered?.id, delivered?.requestId, delivered?.inDoubt], [id, requestId, false]);
  const method = "session.permissions.handlePendingPermissionRequest";
  const sent = ended(all, "request").find((message) => message.method === method);
  assert.equal(sent, { endpoint: fake.endpoint, method, sessionId, requestId, result: undefined });
  assert.equal(parents, [id]);
});

test("a request that fails says its code", async () => {
  const { rpc, peer } = await memoryPair();
  using all = listenTo(["request"]);
  const failing = rejects(rpc.request("ping", {}), { code: "METHOD_NOT_FOUND" });
  peer.refuse(await peer.next("ping"), { code: -32601, message: "no" });
  await failing;
  await rpc.close();
  await rejects(rpc.request("ping", {}), { code: "ENDED" });
  const errors = ended(all, "request").map(({ error }) => error);
  assert.equal(errors, [
    { name: "RpcError", code: "METHOD_NOT_FOUND" },
    { name: "ConnectionError", code: "ENDED" },
  ]);
});

test("the functions of latchkey/oauth that ask a server", async () => {
  await using servers = await TestRuntime.open(places());
  const { fetch } = servers;
  const { authority, client } = await known(servers);
  using all = listenTo(["oauth"]);
  await discover(demand(), { fetch });
  const flow = await beginCode(authority, client, { redirectUri: "http://127.0.0.1/cb", fetch });
  const grant = await finishCode(flow, `?code=c&state=${flow.state}`, { fetch });
  await refresh(grant, { fetch });
  servers.places["auth.example/token"] = new Reply(400, { error: "invalid_grant" });
  await rejects(refresh(grant, { fetch }), { code: "REFUSED" });
  const where = { issuer: "https://auth.example/", resource: "https://mcp.example/mcp" };
  assert.equal(ended(all, "oauth"), [
    { step: "discover", resource: where.resource, result: {} },
    { step: "beginCode", ...where, result: {} },
    { step: "finishCode", ...where, result: {} },
    { step: "refresh", ...where, result: {} },
    { step: "refresh", ...where, error: { name: "OAuthError", code: "REFUSED" } },
  ]);
});

test("nothing is made without a subscriber, and nothing after the last is gone", async () => {
  await using ledger = await openLedger(":memory:");
  const request = new Proxy(oauthRequest(), {
    get(target, name, self) {
      if (name === "data" && new Error("who").stack?.includes("tracedRequest")) looked++;
      return Reflect.get(target, name, self);
    },
  });
  let looked = 0;
  await ledger.record(request);
  assert.is(looked, 0);
  const off = subscribe("record", { asyncEnd: () => undefined });
  await ledger.record(request);
  assert.is(looked, 1);
  off();
  await ledger.record(request);
  assert.is(looked, 1);
});
