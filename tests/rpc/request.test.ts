import { RpcError } from "latchkey";
import * as assert from "uvu/assert";
import { memoryPair, trapStrayRejections, turns } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("Rpc: requests", { timeoutMs: 10_000 });
trapStrayRejections(test);

test("an error that the runtime answers", async () => {
  const { rpc, peer } = await memoryPair();
  for (const [rpcCode, text, code] of [
    [-32601, "Unhandled method x", "METHOD_NOT_FOUND"],
    [-32602, "bad", "INVALID_PARAMS"],
    [-32603, "Request x failed with message: Session not found for sessionId: s", "SESSION_NOT_FOUND"],
    [-32603, "Failed to load session events: Session not found: s", "NOT_RESUMABLE"],
    [-32603, "anything", "RPC"],
    [-32700, "Parse error", "RPC"],
    [7, "seven", "RPC"],
  ] as const) {
    const out = rpc.request("models.list");
    peer.refuse(await peer.next("models.list"), { code: rpcCode, message: text, data: { why: [1] } });
    const error = await rejects(out, { type: RpcError, code, message: /^models\.list: / });
    assert.is(error.rpcCode, rpcCode);
    assert.is(error.method, "models.list");
    assert.equal(error.data, { why: [1] });
    assert.ok(error.message.endsWith(text));
  }
  await rpc.close();
});

test("a session.resume that finds nothing, as the older runtimes say it: nothing is on disk", async () => {
  const { rpc, peer } = await memoryPair();
  const out = rpc.request("session.resume", { sessionId: "s" });
  peer.refuse(await peer.next("session.resume"), { code: -32603, message: "Session not found: s" });
  await rejects(out, { type: RpcError, code: "NOT_RESUMABLE" });
  await rpc.close();
});

test("any result is a result", async () => {
  const { rpc, peer } = await memoryPair();
  for (const result of [null, 0, false, "", [], { deep: { a: null } }]) {
    const out = rpc.request("models.list");
    peer.answer(await peer.next("models.list"), result);
    assert.equal(await out, result);
  }
  await rpc.close();
});

test("responses to nobody, twice, late, with an id of another kind, are harmless", async () => {
  const { rpc, peer } = await memoryPair();
  const first = rpc.request("ping");
  const request = await peer.next("ping");
  peer.send(
    { jsonrpc: "2.0", id: 99_999, result: {} },
    { jsonrpc: "2.0", id: "99999", error: { code: 1, message: "to nobody" } },
    { jsonrpc: "2.0", id: String(request.id), result: { message: "wrong" } },
    { jsonrpc: "2.0", id: request.id, result: { message: "right" } },
    { jsonrpc: "2.0", id: request.id, result: { message: "again" } },
    { jsonrpc: "2.0", id: request.id, error: { code: 1, message: "again" } },
  );
  assert.is((await first).message, "right");
  const second = rpc.request("ping");
  peer.answer(await peer.next("ping"), { message: "fine" });
  assert.is((await second).message, "fine");
  await rpc.close();
});

test("responses out of order, 64 in flight", async () => {
  const { rpc, peer } = await memoryPair();
  const out = Array.from({ length: 64 }, (_, at) => rpc.request("ping", { message: String(at) }));
  const asked = await Promise.all(out.map(() => peer.next("ping")));
  peer.send(...asked.toReversed().map(({ id, params }) => ({ jsonrpc: "2.0", id, result: params })));
  assert.equal(
    (await Promise.all(out)).map(({ message }) => message),
    out.map((_, at) => String(at)),
  );
  await rpc.close();
});

test("abort: the signal's reason, and the runtime is told", async () => {
  const { rpc, peer } = await memoryPair();
  const abort = new AbortController();
  const out = rpc.request("ping", {}, { signal: abort.signal });
  const request = await peer.next("ping");
  const reason = { not: "even an error" };
  abort.abort(reason);
  assert.is(await out.catch((error: unknown) => error), reason);
  const told = await peer.next("$/cancelRequest");
  assert.equal(told.params, { id: request.id });
  assert.is(told.id, undefined);
  peer.answer(request, { message: "too late" });
  const next = rpc.request("ping");
  peer.answer(await peer.next("ping"), { message: "fine" });
  assert.is((await next).message, "fine");
  await rpc.close();
});

test("aborted before it began: nothing is sent", async () => {
  const { rpc, peer } = await memoryPair();
  const { signal } = { signal: AbortSignal.abort(new Error("never mind")) };
  await rejects(rpc.request("ping", {}, { signal }), { message: /never mind/ });
  await turns(2);
  assert.equal(
    peer.received.map(({ method }) => method),
    ["connect"],
  );
  await rpc.close();
});

test("an abort after the answer sends nothing, and leaves no listener behind", async () => {
  const { rpc, peer } = await memoryPair();
  const abort = new AbortController();
  let listeners = 0;
  const { signal } = abort;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  const out = rpc.request("ping", {}, { signal, timeoutMs: 60_000 });
  peer.answer(await peer.next("ping"), { message: "" });
  await out;
  assert.is(listeners, 0);
  abort.abort();
  await turns(2);
  assert.equal(
    peer.received.map(({ method }) => method),
    ["connect", "ping"],
  );
  await rpc.close();
});

test("timeoutMs: a TimeoutError, and the runtime is told", async () => {
  const { rpc, peer } = await memoryPair();
  await rejects(rpc.request("ping", {}, { timeoutMs: 5 }), { name: "TimeoutError" });
  const { id } = await peer.next("ping");
  assert.equal((await peer.next("$/cancelRequest")).params, { id });
  await rpc.close();
});

test("a timeoutMs longer than any timer is no limit", async () => {
  const { rpc, peer } = await memoryPair();
  for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
    const out = rpc.request("ping", {}, { timeoutMs });
    const request = await peer.next("ping");
    const first = await Promise.race([
      out.then(() => "settled", String),
      new Promise((r) => setTimeout(r, 20, "waits")),
    ]);
    assert.is(first, "waits");
    peer.answer(request, { message: "" });
    await out;
  }
  await rpc.close();
});

test("the caller's mistakes are TypeErrors, and nothing is sent", async () => {
  const { rpc, peer } = await memoryPair();
  const circular: { message: string; self?: object } = { message: "" };
  circular.self = circular;
  const misuse: Record<string, unknown> = { array: [], text: "x", null: null, circular, bigint: { message: 1n } };
  const session = rpc.session("s");
  for (const [name, params] of Object.entries(misuse)) {
    await rejects(() => Reflect.apply(rpc.request, rpc, ["ping", params]), {
      type: TypeError,
      message: /params/,
    }).catch((error) => {
      throw new Error(name, { cause: error });
    });
    await rejects(() => Reflect.apply(session.request, session, ["log", params]), {
      type: TypeError,
      message: /params/,
    }).catch((error) => {
      throw new Error(`session: ${name}`, { cause: error });
    });
  }
  await turns(2);
  assert.is(peer.received.length, 1);
  const next = rpc.request("ping");
  peer.answer(await peer.next("ping"), { message: "fine" });
  await next;
  await rpc.close();
});

test("one write a message", async () => {
  const { rpc, peer } = await memoryPair();
  const off = rpc.handle("userInput.request", () => ({ answer: "x", wasFreeform: true }));
  const out = [
    rpc.request("ping"),
    rpc.request("ping", { message: "ž".repeat(100_000) }),
    rpc.session("s").request("log", { message: "m" }),
  ];
  peer.send({ jsonrpc: "2.0", id: 1, method: "userInput.request", params: {} });
  await peer.next("response");
  assert.is(peer.received.length, 5);
  assert.is(peer.writes.length, 5);
  for (const [at, write] of peer.writes.entries())
    assert.equal(JSON.parse(write.toString().replace(/^[^{]*/, "")), peer.received[at]);
  for (const method of ["ping", "ping", "session.log"]) peer.answer(await peer.next(method), {});
  await Promise.all(out);
  off();
  await rpc.close();
});
