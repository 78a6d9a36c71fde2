/** A peer that asks, and takes no notice of what it asked: it costs itself time, and us no memory. */
import { readFileSync } from "node:fs";
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { isDeeper } from "../../lib/rpc/depth.js";
import {
  frame,
  hello,
  memoryPair,
  peerServer,
  sessionEvent,
  socketPair,
  trapStrayRejections,
  turns,
} from "../support/pair.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("Rpc: a peer that presses", { timeoutMs: 30_000 });
trapStrayRejections(test);

/** The reply names it, so that replies are long. */
const long = "x".repeat(1_000);
const call = (id: number | string, method = "x.unknown") => ({ jsonrpc: "2.0", id, method, params: {} });
const cancel = (id: number | string) => ({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id } });

test("requests whose replies it does not read are taken until a limit, and the rest when it reads again", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  peer.socket.pause();
  const requests = 12_000;
  for (let at = 0; at < requests; at += 1_000)
    peer.send(...Array.from({ length: 1_000 }, (_, index) => call(at + index, long)));
  // It stands still when nothing has left the peer for so many turns.
  for (let waiting = -1; waiting !== peer.socket.writableLength; await turns(1_000))
    waiting = peer.socket.writableLength;
  assert.ok(peer.socket.writableLength > 0, "it goes on taking requests");
  peer.socket.resume();
  const before = peer.received.length;
  while (peer.received.length < before + requests) await turns(1);
  const ids = new Set(peer.received.slice(before).map(({ id }) => id));
  assert.is(ids.size, requests, "each is answered once");
  const asked = rpc.request("ping");
  peer.answer(await peer.next("ping"), { message: "pong" });
  assert.equal(await asked, { message: "pong" });
  await rpc.close();
});

test("our own requests do not make us stop reading, however much of them it leaves unread", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  peer.socket.pause();
  const big = rpc.request("ping", { message: "x".repeat(10 << 20) });
  const heard = rpc.session("s").events.wait("session.idle", { timeoutMs: 5_000 });
  peer.send(sessionEvent("s", "session.idle", "1"));
  await heard;
  peer.socket.resume();
  const request = await peer.next("ping");
  peer.answer(request, { message: "read" });
  assert.equal(await big, { message: "read" });
  await rpc.close();
});

test("events that it floods us with while it does not read: no nudge is put behind another", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  const filling = rpc.request("ping", { message: "x".repeat(10 << 20) }).catch(() => undefined);
  peer.socket.pause();
  let heard = 0;
  rpc.session("s").events.on("session.idle", () => {
    heard += 1;
  });
  for (let at = 0; at < 200; at += 1) {
    peer.send(sessionEvent("s", "session.idle", `id-${at}`));
    await turns(1);
  }
  while (heard < 200) await turns(1);
  peer.socket.resume();
  await peer.next("ping");
  assert.ok(peer.nudges <= 2, `${peer.nudges} nudges waited`);
  await rpc.close();
  await filling;
});

test("many requests in one chunk are taken up one a turn, in wire order with the events between them", async () => {
  const { rpc, peer } = await memoryPair();
  const order: string[] = [];
  rpc.handle("hooks.invoke", ({ hookType }) => {
    order.push(hookType);
    return {};
  });
  rpc.session("s").events.on("session.idle", ({ id }) => void order.push(id));
  const hook = (id: number) => ({
    ...call(id, "hooks.invoke"),
    params: { sessionId: "s", hookType: `hook-${id}`, input: {} },
  });
  peer.send(
    hook(1),
    sessionEvent("s", "session.idle", "event-1"),
    hook(2),
    hook(3),
    sessionEvent("s", "session.idle", "event-2"),
  );
  while (order.length < 5) await turns(1);
  assert.equal(order, ["hook-1", "event-1", "hook-2", "hook-3", "event-2"]);
  await rpc.close();
});

test("a cancellation reaches the handler that works on it; of ids that nobody knows nothing is kept", async () => {
  const { rpc, peer } = await memoryPair();
  const aborted: string[] = [];
  const started: (() => void)[] = [];
  rpc.handle("userInput.request", ({ question }, { signal }) => {
    started.shift()?.();
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => {
        aborted.push(question);
        resolve({ answer: "", wasFreeform: true });
      }),
    );
  });
  const ask = (id: number | string) => ({
    ...call(id, "userInput.request"),
    params: { sessionId: "s", question: `${typeof id} ${id}` },
  });
  // One that was cancelled before it came is not remembered: ids are its own to use again.
  peer.send(cancel(7));
  const running = Promise.all([
    new Promise<void>((resolve) => started.push(resolve)),
    new Promise<void>((resolve) => started.push(resolve)),
  ]);
  peer.send(ask(7), ask("8"));
  await running;
  assert.equal(aborted, []);
  peer.send(cancel(7), cancel(99));
  await peer.next("response");
  assert.equal(aborted, ["number 7"]);
  peer.send(cancel("8"));
  await peer.next("response");
  assert.equal(aborted, ["number 7", "string 8"]);
  await rpc.close();
});

test("a million cancellations of ids that nobody knows cost no memory", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  const batch = Buffer.concat(Array.from({ length: 10_000 }, (_, index) => frame(cancel(`never-${index}`))));
  const round = async (): Promise<number> => {
    for (let at = 0; at < 10; at += 1) peer.raw(batch);
    const answer = rpc.request("ping");
    peer.answer(await peer.next("ping"), { message: "" });
    await answer;
    return process.memoryUsage().heapUsed;
  };
  const first = await round();
  let last = 0;
  for (let at = 0; at < 9; at += 1) last = await round();
  assert.ok(last - first < 60 * 2 ** 20, `${Math.round((last - first) / 2 ** 20)} MiB more`);
  await rpc.close();
});

test("a frame that is nested too deeply: PROTOCOL, and soon", async () => {
  for (const body of ["[".repeat(5_000_000), `${'{"a":'.repeat(100_001)}1${"}".repeat(100_001)}`]) {
    const { rpc, peer } = await memoryPair();
    const asked = rpc.request("ping");
    const began = performance.now();
    peer.raw(`Content-Length: ${body.length}\r\n\r\n${body}`);
    await rejects(within(10_000, asked, "its end"), { code: "PROTOCOL", message: /nested deeper than 100000 levels/ });
    assert.ok(performance.now() - began < 5_000);
    assert.is((await rpc.closed).code, "PROTOCOL");
  }
});

test("how deep is deep: brackets in strings do not count, and do not hide any", () => {
  const nested = (levels: number, inside = ""): string => `${"[".repeat(levels)}${inside}${"]".repeat(levels)}`;
  const cases: [string, boolean][] = [
    [nested(1_000), false],
    [nested(1_001), true],
    [`${'{"a":['.repeat(500)}1${"]}".repeat(500)}`, false],
    [`${'{"a":['.repeat(501)}1${"]}".repeat(501)}`, true],
    [`[${Array(5_000).fill("{}").join(",")}]`, false],
    [JSON.stringify({ text: nested(4_000) }), false],
    [JSON.stringify({ ["[".repeat(4_000)]: '\\"[{'.repeat(4_000) }), false],
    [`${'["]]]]\\"]]",'.repeat(1_001)}1${"]".repeat(1_001)}`, true],
    [`${'["\\\\",'.repeat(1_001)}1${"]".repeat(1_001)}`, true],
    [`"${"[".repeat(4_000)}`, false],
  ];
  for (const [text, deep] of cases) assert.is(isDeeper(text, 1_000), deep, text.slice(0, 40));
});

test("an idle connection asks after its peer: TCP keep-alive is on", async () => {
  await using server = await peerServer();
  const connecting = connect(server.endpoint);
  const peer = await server.accept();
  peer.answer(await peer.next("connect"), hello);
  await using rpc = await connecting;
  if (process.platform !== "linux") return;
  const port = (peer.socket.remotePort ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const timer = (): string | undefined =>
    readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .find(([, local]) => local?.endsWith(`:${port}`))?.[5];
  // 01 is a retransmission, which ends when the last bytes are acknowledged; 02 is keep-alive.
  while (timer()?.startsWith("01")) await turns(100);
  assert.match(timer() ?? "", /^02:/);
  assert.is(rpc.hello.version, hello.version);
});
