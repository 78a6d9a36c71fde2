/** The bridge to OpenTelemetry with the real SDK, in one process: names, attributes, parents, failures, metrics. */
import { context, SpanKind, trace } from "@opentelemetry/api";
import { type DataPoint, type Histogram, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { openLedger } from "latchkey/ledger";
import { beginCode, finishCode, refresh } from "latchkey/oauth";
import { contextOf, instrument, traceHeaders } from "latchkey/otel";
import { pendingRequest } from "latchkey/pending";
import { channels } from "latchkey/tracing";
import * as assert from "uvu/assert";
import { oauthRequest, permissionRequest, token } from "../support/ledger/requests.js";
import { known, places, Reply, TestRuntime } from "../support/oauth/servers.js";
import { memoryPair, trapStrayRejections } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";
import { startTelemetry, type Told } from "../support/tracing/telemetry.js";

const test = suite("latchkey/otel");
trapStrayRejections(test);

const spans: Told[] = [];
const telemetry = startTelemetry((span) => spans.push(span));
test.before.each(() => void spans.splice(0));
test.after(() => telemetry.shutdown());

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const names = (): string[] => spans.map(({ name }) => name);

test("spans of an entry's life, by the conventions for messaging, MCP and GenAI", async () => {
  using _ = instrument();
  await using ledger = await openLedger(":memory:");
  const data = { requestId: "r", mcpRequestId: 1, serverName: "notes", request: {} };
  const asked = pendingRequest({ type: "sampling.requested", data } as const, { sessionId: "s" });
  const { id } = await ledger.record(asked, { traceparent });
  const claim = await ledger.claim({}, { owner: "broker" });
  await claim?.cancel();
  const call = permissionRequest({ sessionId: "s", requestId: "p", toolCallId: "call-1" });
  const entry = await ledger.record(call);
  await ledger.answer(entry.id, { kind: "approve-once" });
  assert.equal(names(), [
    ...["record sampling.requested", "claim sampling.requested"],
    ...["record permission.requested", "answer permission.requested"],
  ]);
  const [recorded, claimed, , answered] = spans;
  assert.equal(recorded?.attributes, {
    "messaging.system.name": "latchkey",
    "messaging.operation.name": "record",
    "messaging.operation.type": "send",
    "messaging.destination.name": "sampling.requested",
    "messaging.message.id": id,
    "messaging.message.conversation_id": "s",
    "gen_ai.conversation.id": "s",
    "mcp.method.name": "sampling/createMessage",
    "latchkey.mcp.server": "notes",
    "latchkey.request.id": "r",
  });
  assert.equal([recorded?.kind, claimed?.kind], [SpanKind.PRODUCER, SpanKind.CLIENT]);
  assert.is(claimed?.attributes["messaging.batch.message_count"], 1);
  assert.is(answered?.attributes["gen_ai.tool.call.id"], "call-1");
});

test("every attribute is one of the conventions' or begins with latchkey", async () => {
  using _ = instrument();
  const { rpc, peer } = await memoryPair();
  const pinging = rpc.request("ping", {});
  peer.answer(await peer.next("ping"), {});
  await pinging;
  await rpc.close();
  await using ledger = await openLedger(":memory:");
  const { id } = await ledger.record(oauthRequest(), { traceparent });
  const claim = await ledger.claim({ id }, { owner: "broker" });
  await claim?.answer(token("t"));
  await rejects(ledger.answer(id, token("u")), { code: "CONFLICT" });
  const known = new Set<unknown>(Object.values(conventions).filter((name) => typeof name === "string"));
  const used = new Set(spans.flatMap(({ attributes }) => Object.keys(attributes)));
  assert.ok(used.size > 12, [...used].join());
  for (const name of used) assert.ok(known.has(name) || name.startsWith("latchkey."), name);
});

test("the parent is what asked, in whichever process; the active span is a link then", async () => {
  using _ = instrument();
  await using ledger = await openLedger(":memory:");
  const tracer = trace.getTracer("test");
  await tracer.startActiveSpan("around", async (around) => {
    const entry = await ledger.record(oauthRequest({ requestId: "a" }), { traceparent });
    await ledger.record(oauthRequest({ requestId: "b" }));
    around.end();
    const [withTrace, without] = spans;
    const own = around.spanContext();
    assert.equal([withTrace?.traceId, withTrace?.parent], traceparent.split("-").slice(1, 3));
    assert.equal(withTrace?.links, [own.spanId]);
    assert.equal([without?.traceId, without?.parent, without?.links], [own.traceId, own.spanId, []]);
    assert.is(traceHeaders(contextOf(entry)).traceparent, traceparent);
    assert.equal(contextOf({}), context.active());
  });
  assert.equal(traceHeaders(), {});
});

test("failures, attempts that find nothing, calls that nobody wants", async () => {
  const { rpc, peer } = await memoryPair();
  using _ = instrument({ requests: ({ method }) => method !== "session.eventLog.read" });
  for (const method of ["session.eventLog.read", "ping"] as const) {
    const asking = rejects(rpc.request(method, { sessionId: "s" } as never), { code: "METHOD_NOT_FOUND" });
    peer.refuse(await peer.next(method), { code: -32601, message: "SEKRET" });
    await asking;
  }
  await rpc.close();
  await using ledger = await openLedger(":memory:");
  assert.is(await ledger.claim({}, { owner: "nobody" }), undefined);
  assert.equal(names(), ["ping"]);
  assert.equal([spans[0]?.failed, spans[0]?.attributes["error.type"]], [true, "METHOD_NOT_FOUND"]);
  assert.not.match(JSON.stringify(spans), /SEKRET/);
});

test("nothing more once it is ended", async () => {
  const bridge = instrument();
  assert.ok(channels.record.start.hasSubscribers);
  bridge.end();
  for (const { start, asyncEnd } of Object.values(channels))
    assert.equal([start.hasSubscribers, asyncEnd.hasSubscribers], [false, false]);
  await using ledger = await openLedger(":memory:");
  await ledger.record(oauthRequest());
  assert.equal(spans, []);
});

class Reader extends MetricReader {
  protected override onForceFlush = (): Promise<void> => Promise.resolve();
  protected override onShutdown = (): Promise<void> => Promise.resolve();
}

test("metrics: open entries by kind and age, claims, waits, refreshes, refusals", async () => {
  const reader = new Reader();
  const meterProvider = new MeterProvider({ readers: [reader] });
  await using ledger = await openLedger(":memory:");
  using _ = instrument({ meterProvider, ledger });
  const { id } = await ledger.record(oauthRequest());
  await ledger.record(permissionRequest());
  const claim = await ledger.claim({ id }, { owner: "broker" });
  await claim?.answer(token("t"));
  await rejects(ledger.answer(id, token("u")), { code: "CONFLICT" });
  await using servers = await TestRuntime.open(places());
  const { authority, client } = await known(servers);
  const { fetch } = servers;
  const flow = await beginCode(authority, client, { redirectUri: "http://127.0.0.1/cb", fetch });
  const grant = await finishCode(flow, `?code=c&state=${flow.state}`, { fetch });
  await refresh(grant, { fetch });
  servers.places["auth.example/token"] = new Reply(400, { error: "invalid_grant" });
  await rejects(refresh(grant, { fetch }), { code: "REFUSED" });

  const { resourceMetrics, errors } = await reader.collect();
  assert.equal(errors, []);
  const found = new Map(
    resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
      metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints as DataPoint<number | Histogram>[]]),
    ),
  );
  const points = (name: string): Record<string, unknown>[] =>
    (found.get(name) ?? []).map(({ attributes, value }) => ({ ...attributes, value }));
  const oauth = "mcp.oauth_required";
  const kind = "messaging.destination.name";
  assert.equal(
    points("latchkey.open_entries").filter(({ value }) => value !== 0),
    [{ [kind]: "permission.requested", "latchkey.age": "<1m", value: 1 }],
  );
  assert.equal(points("latchkey.claims"), [{ [kind]: oauth, value: 1 }]);
  assert.equal(points("latchkey.oauth.refreshes"), [{ value: 1 }, { "error.type": "REFUSED", value: 1 }]);
  assert.equal(points("latchkey.refusals"), [
    { "latchkey.operation": "answer", "error.type": "CONFLICT", value: 1 },
    { "latchkey.operation": "oauth", "error.type": "REFUSED", value: 1 },
  ]);
  const waits = found.get("latchkey.answer.wait")?.map(({ value }) => typeof value === "object" && value.count);
  assert.equal(waits, [1]);
  const durations = points("messaging.client.operation.duration").map((point) => point["messaging.operation.name"]);
  assert.equal(durations, ["record", "record", "claim", "answer", "answer"]);
  assert.ok((found.get("latchkey.oldest_open_entry") ?? []).length === 1);
  await meterProvider.shutdown();
});
