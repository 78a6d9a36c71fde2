import * as assert from "uvu/assert";
import { memoryPair, nudgeId, sessionEvent, trapStrayRejections, turns } from "../support/pair.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("Rpc: what the runtime asks its client", { timeoutMs: 10_000 });
trapStrayRejections(test);

const ask = (id: number | string, method = "userInput.request", params: object = { question: "?" }) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

test("unhandled: MethodNotFound, with and without params, for known and unknown methods", async () => {
  const { rpc, peer } = await memoryPair();
  peer.send(ask(1), ask("two", "no.such"), { jsonrpc: "2.0", id: 3, method: "hooks.invoke" });
  for (const [id, method] of [
    [1, "userInput.request"],
    ["two", "no.such"],
    [3, "hooks.invoke"],
  ] as const) {
    const { id: answered, error, result } = await peer.next("response");
    assert.is(answered, id);
    assert.is(error?.code, -32601);
    assert.match(error?.message ?? "", method);
    assert.is(result, undefined);
  }
  await rpc.close();
});

test("handled: params in, result out; a promise is awaited; nothing becomes null", async () => {
  const { rpc, peer } = await memoryPair();
  const seen: unknown[] = [];
  rpc.handle("userInput.request", async (params) => {
    seen.push(params);
    return { answer: "yes", wasFreeform: false };
  });
  rpc.handle("exitPlanMode.request", () => ({ approved: true }));
  const params = { sessionId: "s", question: "?", choices: ["yes"], unknownField: { kept: [1] } };
  peer.send(ask(7, "userInput.request", params));
  assert.equal(await peer.next("response"), {
    jsonrpc: "2.0",
    id: 7,
    result: { answer: "yes", wasFreeform: false },
  });
  assert.equal(seen, [params]);
  peer.send(ask(8, "exitPlanMode.request"));
  assert.equal((await peer.next("response")).result, { approved: true });
  Reflect.apply(rpc.handle, rpc, ["hooks.invoke", () => undefined]);
  peer.send(ask(9, "hooks.invoke"));
  assert.is((await peer.next("response")).result, null);
  await rpc.close();
});

test("a handler that throws or rejects answers with an error, and the connection goes on", async () => {
  const { rpc, peer } = await memoryPair();
  const failures: (() => unknown)[] = [
    () => {
      throw new Error("thrown text");
    },
    () => Promise.reject(new Error("rejected text")),
    () => Promise.reject("no error at all"),
    () => {
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      return circular;
    },
  ];
  for (const [at, fail] of failures.entries()) {
    const off = Reflect.apply(rpc.handle, rpc, ["hooks.invoke", fail]);
    peer.send(ask(at, "hooks.invoke"));
    const { id, error } = await peer.next("response");
    assert.is(id, at);
    assert.is(error?.code, -32603);
    if (at === 0) assert.match(error?.message ?? "", "thrown text");
    if (at === 1) assert.match(error?.message ?? "", "rejected text");
    off();
  }
  const out = rpc.request("ping");
  peer.answer(await peer.next("ping"), {});
  await out;
  await rpc.close();
});

test("cancelled by the runtime: the handler's signal is aborted, before it began as well", async () => {
  const { rpc, peer } = await memoryPair();
  const began: number[] = [];
  const cancelled = new Promise<void>((resolve) => {
    rpc.handle("userInput.request", (_params, { signal }) => {
      began.push(began.length);
      return new Promise((answer) => {
        const stop = (): void => {
          resolve();
          answer({ answer: "stopped", wasFreeform: true });
        };
        if (signal.aborted) stop();
        else signal.addEventListener("abort", stop);
      });
    });
  });
  peer.send(ask(1));
  await turns(3);
  assert.is(began.length, 1);
  peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 1 } });
  await within(1_000, cancelled, "the abort");
  assert.equal((await peer.next("response")).result, { answer: "stopped", wasFreeform: true });

  peer.send(ask(2), { jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 2 } });
  const { id } = await within(1_000, peer.next("response"), "the answer to a request cancelled at once");
  assert.is(id, 2);
  await rpc.close();
});

test("cancellations of nothing, without params, of nonsense, are harmless", async () => {
  const { rpc, peer } = await memoryPair();
  const seen: unknown[] = [];
  rpc.events.on("notification", (event) => seen.push(event));
  rpc.events.on("*", (event) => seen.push(event));
  for (const params of [{ id: 5 }, { id: "x" }, { id: nudgeId }])
    peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params });
  await turns(3);
  assert.equal(seen, []);
  for (const params of [{ id: null }, { id: {} }, {}, undefined])
    peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params });
  const event = rpc.events.wait("session.idle");
  peer.send(sessionEvent("s", "session.idle", "e"));
  await within(1_000, event, "an event afterwards");
  assert.is(seen.length, 5, "what is no cancellation is a notification like any other");
  await rpc.close();
});

test("when the connection ends, handlers that still run are told, and their results go nowhere", async () => {
  const { rpc, peer } = await memoryPair();
  let signal: AbortSignal | undefined;
  let finish: (() => void) | undefined;
  rpc.handle("userInput.request", (_params, context) => {
    signal = context.signal;
    return new Promise((resolve) => {
      finish = () => resolve({ answer: "late", wasFreeform: true });
    });
  });
  peer.send(ask(1));
  await turns(3);
  assert.is(signal?.aborted, false);
  await rpc.close();
  assert.is(signal?.aborted, true);
  finish?.();
  await turns(3);
  assert.is(peer.received.length, 1);
});

test("one handler a method; its Off takes it away once and never another's", async () => {
  const { rpc, peer } = await memoryPair();
  const first = rpc.handle("userInput.request", () => ({ answer: "first", wasFreeform: true }));
  await rejects(() => rpc.handle("userInput.request", () => ({ answer: "", wasFreeform: true })), { type: TypeError });
  first();
  {
    using second = rpc.handle("userInput.request", () => ({ answer: "second", wasFreeform: true }));
    first();
    first[Symbol.dispose]();
    peer.send(ask(1));
    assert.equal((await peer.next("response")).result, { answer: "second", wasFreeform: true });
    assert.type(second, "function");
  }
  peer.send(ask(2));
  assert.is((await peer.next("response")).error?.code, -32601);
  await rpc.close();
});

test("a thousand at once are all answered", async () => {
  const { rpc, peer } = await memoryPair();
  rpc.handle("userInput.request", ({ question }) => ({ answer: question, wasFreeform: true }));
  peer.send(...Array.from({ length: 1_000 }, (_, id) => ask(id, "userInput.request", { question: String(id) })));
  for (let id = 0; id < 1_000; id += 1) {
    const answer = await peer.next("response");
    assert.equal(answer.result, { answer: String(answer.id), wasFreeform: true });
  }
  await rpc.close();
});
