import { once } from "node:events";
import { createServer } from "node:net";
import { inspect } from "node:util";
import { ConnectionError, RpcError } from "latchkey";
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { frame, hello, memoryPair, memoryPeer, peerServer, socketPair, trapStrayRejections } from "../support/pair.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("Rpc: connecting", { timeoutMs: 10_000 });
trapStrayRejections(test);

test("an endpoint never holds a secret", async () => {
  await using server = await peerServer();
  const connecting = connect(`tcp://user:sekret@127.0.0.1:${server.port}/path?token=sekret#sekret`, {
    token: "sekret",
  });
  const peer = await server.accept();
  const request = await peer.next("connect");
  assert.equal(request.params, { token: "sekret" });
  peer.answer(request, hello);
  const rpc = await connecting;
  assert.is(rpc.endpoint, server.endpoint);
  const closed = rpc.closed;
  peer.hangUp();
  const error = await rejects(
    closed.then(() => rpc.request("ping")),
    { code: "CLOSED" },
  );
  for (const value of [rpc, error, await closed])
    assert.not.match(inspect(value, { depth: 6, showHidden: true }), "sekret");
});

test("nobody listens: REFUSED", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const { port } = address;
  await new Promise((resolve) => server.close(resolve));
  for (const target of [`tcp://127.0.0.1:${port}`, { port }, { host: "localhost", port }]) {
    const error = await rejects(connect(target), { type: ConnectionError, code: "REFUSED" });
    assert.ok(error.cause instanceof Error);
  }
  await rejects(connect("tcp://host.invalid:1"), { code: "REFUSED" });
});

test("a target that is none: TypeError", async () => {
  for (const target of [
    "",
    "127.0.0.1:5",
    "http://127.0.0.1:5",
    "tcp://",
    "tcp://127.0.0.1",
    "tcp://h:0",
    "tcp://h:70000",
    { port: 0 },
    { port: 1.5 },
    { port: Number.NaN },
    {},
    null,
    undefined,
    5,
  ])
    await rejects(() => Reflect.apply(connect, undefined, [target]), { type: TypeError }).catch((error) => {
      throw new Error(inspect(target), { cause: error });
    });
});

test("an IPv6 endpoint", async () => {
  const server = createServer((socket) => {
    socket.once("data", () => socket.write(frame({ jsonrpc: "2.0", id: 0, result: hello })));
    socket.on("error", () => undefined);
  });
  server.listen(0, "::1");
  const first = await Promise.race([
    once(server, "listening").then(() => "up"),
    once(server, "error").then(() => "no IPv6"),
  ]);
  if (first === "no IPv6") return;
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const rpc = await connect(`tcp://[::1]:${address.port}`);
  assert.is(rpc.endpoint, `tcp://[::1]:${address.port}`);
  await rpc.close();
  await new Promise((resolve) => server.close(resolve));
});

test("the protocol window: a version below and one above are PROTOCOL", async () => {
  for (const protocolVersion of [2, 4, 3.5, "3", undefined, null]) {
    const { target, peer } = memoryPeer();
    const connecting = connect(target);
    const failed = rejects(connecting, { type: ConnectionError, code: "PROTOCOL" });
    peer.answer(await peer.next("connect"), { ...hello, protocolVersion });
    const error = await failed;
    if (typeof protocolVersion === "number")
      assert.match(error.message, new RegExp(`version ${protocolVersion}.*3 to 3`));
    await within(1_000, peer.left, "the end of the connection");
  }
});

test("a handshake that is none: PROTOCOL", async () => {
  for (const answer of [null, 5, "hello", [], { protocolVersion: 3 }, { protocolVersion: 3, version: 5 }]) {
    const { target, peer } = memoryPeer();
    const failed = rejects(connect(target), { type: ConnectionError, code: "PROTOCOL" });
    peer.answer(await peer.next("connect"), answer);
    await failed;
  }
  const { target, peer } = memoryPeer();
  const failed = rejects(connect(target), { type: ConnectionError, code: "PROTOCOL" });
  peer.refuse(await peer.next("connect"), { code: -32601, message: "Unhandled method connect" });
  const error = await failed;
  assert.instance(error.cause, RpcError);
});

test("the runtime's three codes around the token: UNAUTHORIZED, at the handshake and later", async () => {
  for (const code of [-32001, -32002, -32003]) {
    const { target, peer } = memoryPeer();
    const failed = rejects(connect(target, { token: "sekret" }), { type: ConnectionError, code: "UNAUTHORIZED" });
    peer.refuse(await peer.next("connect"), { code, message: "AUTHENTICATION" });
    assert.not.match(inspect(await failed, { depth: 9 }), "sekret");
    await within(1_000, peer.left, "the end of the connection");
  }
  const { rpc, peer } = await memoryPair();
  const out = rpc.request("ping");
  peer.refuse(await peer.next("ping"), { code: -32001, message: "AUTHENTICATION_REQUIRED" });
  await rejects(out, { code: "UNAUTHORIZED" });
  await rpc.close();
});

test("the handshake says what it was given, and nothing else", async () => {
  const { target, peer } = memoryPeer();
  const connecting = connect(target, { token: "t", clientInfo: { editorName: "e", editorVersion: "1" } });
  const request = await peer.next("connect");
  assert.equal(request.params, { token: "t", clientInfo: { editorName: "e", editorVersion: "1" } });
  peer.answer(request, { ...hello, taskKinds: ["x"], more: 1 });
  const rpc = await connecting;
  assert.equal(rpc.hello, { protocolVersion: 3, version: "0.0.0-fake" });
  assert.is(rpc.endpoint, "stdio:");
  await rpc.close();
  const { peer: other, rpc: bare } = await memoryPair();
  assert.equal(other.received[0]?.params, {});
  await bare.close();
});

test("giving up the handshake by signal, by time, or because the peer goes", async () => {
  await using server = await peerServer();
  const abort = new AbortController();
  const aborted = rejects(connect(server.endpoint, { signal: abort.signal }), { message: /enough/ });
  const first = await server.accept();
  await first.next("connect");
  abort.abort(new Error("enough"));
  await aborted;
  await within(1_000, first.left, "the end of the aborted connection");

  const late = rejects(connect(server.endpoint, { timeoutMs: 20 }), { name: "TimeoutError" });
  const second = await server.accept();
  await late;
  await within(1_000, second.left, "the end of the late connection");

  const closed = rejects(connect(server.endpoint), { code: "CLOSED" });
  const third = await server.accept();
  third.hangUp();
  await closed;

  await rejects(connect(server.endpoint, { signal: AbortSignal.abort(new Error("before")) }), { message: /before/ });
});

test("the signal and the time of connect() mean nothing once it is connected", async () => {
  await using server = await peerServer();
  const abort = new AbortController();
  const { rpc, peer } = await socketPair(server, { signal: abort.signal, timeoutMs: 60_000 });
  abort.abort();
  const out = rpc.request("ping");
  peer.answer(await peer.next("ping"), { message: "fine" });
  assert.is((await out).message, "fine");
  await rpc.close();
});
