import { spawn } from "node:child_process";
import { Writable } from "node:stream";
import { ConnectionError } from "latchkey";
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import {
  hello,
  memoryPair,
  memoryPeer,
  peerServer,
  sessionEvent,
  socketPair,
  trapStrayRejections,
  turn,
  turns,
} from "../support/pair.js";
import { allReject } from "../support/settled.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("Rpc: how a connection ends", { timeoutMs: 10_000 });
trapStrayRejections(test);

test("the peer hangs up: CLOSED", async () => {
  const { rpc, peer } = await memoryPair();
  await allReject(rpc, peer, "CLOSED", () => peer.hangUp());
});

test("the peer's stream is destroyed, with and without an error: CLOSED", async () => {
  for (const error of [undefined, new Error("cable cut")]) {
    const { rpc, peer, target } = await memoryPair();
    const reason = await allReject(rpc, peer, "CLOSED", () => target.readable.destroy(error));
    assert.is(reason.cause, error);
  }
});

test("a socket's peer hangs up, resets, or goes away after we wrote to it: CLOSED", async () => {
  await using server = await peerServer();
  for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
    const { rpc, peer } = await socketPair(server);
    await allReject(rpc, peer, "CLOSED", () => peer.socket[leave]());
  }
  const { rpc, peer } = await socketPair(server);
  await allReject(rpc, peer, "CLOSED", () => {
    peer.socket.resetAndDestroy();
    void rpc.request("ping").catch(() => undefined);
  });
});

test("a pipe's reader is gone when we write: CLOSED", async () => {
  const { rpc, target } = await memoryPair();
  const broken = Object.assign(new Error("write EPIPE"), { code: "EPIPE", syscall: "write" });
  target.writable.destroy(broken);
  const error = await rejects(rpc.request("ping"), { code: "CLOSED" });
  assert.is(error.cause, broken);
});

test("a write fails: DESTROYED", async () => {
  const full = new Error("no space");
  const { target, peer } = memoryPeer();
  let failing = false;
  const writable = new Writable({
    write(chunk, encoding, done) {
      if (failing) done(full);
      else target.writable.write(chunk, encoding, done);
    },
  });
  const connecting = connect({ readable: target.readable, writable });
  peer.answer(await peer.next("connect"), hello);
  const rpc = await connecting;
  const out = rpc.request("ping");
  const settled = Promise.allSettled([out]);
  failing = true;
  const failed = await rejects(rpc.request("ping"), { type: ConnectionError, code: "DESTROYED" });
  assert.is(failed.cause, full);
  await settled;
  await rejects(out, { code: "DESTROYED" });
  await rejects(rpc.request("ping"), { code: "DESTROYED" });
  assert.is((await rpc.closed).code, "DESTROYED");
});

test("the stream that we write to is torn down: CLOSED, as a dead child's is, and DESTROYED with an error", async () => {
  for (const [code, cause] of [["CLOSED"], ["DESTROYED", new Error("torn")]] as const) {
    const { rpc, peer, target } = await memoryPair();
    const reason = await allReject(rpc, peer, code, () => target.writable.destroy(cause));
    assert.is(reason.cause, cause);
  }
});

test("a child dies while its own child holds its stdout open: CLOSED, and what it had answered is read", async () => {
  const text = `
    const { spawn } = require("node:child_process");
    const held = spawn("sleep", ["600"], { stdio: ["ignore", "inherit", "ignore"] });
    const say = (id, result) => {
      const body = JSON.stringify({ jsonrpc: "2.0", id, result });
      require("node:fs").writeSync(1, "Content-Length: " + body.length + "\\r\\n\\r\\n" + body);
    };
    let calls = 0;
    process.stdin.on("data", (chunk) => {
      for (const [, id] of String(chunk).matchAll(/"id":(\\d+)/g)) {
        calls += 1;
        if (calls === 1) say(Number(id), { ok: true, protocolVersion: 3, version: "fake" });
        if (calls === 3) say(Number(id), { message: String(held.pid) });
        if (calls === 3) process.kill(process.pid, "SIGKILL");
      }
    });`;
  const child = spawn(process.execPath, ["-e", text], { stdio: ["pipe", "pipe", "inherit"] });
  const rpc = await connect({ readable: child.stdout, writable: child.stdin });
  const out = rpc.request("ping", { message: "never" });
  const settled = Promise.allSettled([out]);
  const { message } = await rpc.request("ping");
  try {
    await within(2_000, settled, "the end of what was out");
    await rejects(out, { type: ConnectionError, code: "CLOSED" });
    await rejects(rpc.request("ping"), { code: "CLOSED" });
    assert.is((await rpc.closed).code, "CLOSED");
  } finally {
    process.kill(Number(message), "SIGKILL");
  }
});

test("the stream that we write to was ended behind our back: what is out may be answered, the next is DESTROYED", async () => {
  const { rpc, peer, target } = await memoryPair();
  const out = rpc.request("ping");
  const request = await peer.next("ping");
  target.writable.end();
  await turns(20);
  peer.answer(request, { message: "last" });
  assert.is((await out).message, "last");
  await rejects(rpc.request("ping"), { code: "DESTROYED" });
  assert.is((await rpc.closed).code, "DESTROYED");
});

test("close(): ENDED, for requests that are out too; twice is harmless", async () => {
  const { rpc, peer } = await memoryPair();
  await allReject(rpc, peer, "ENDED", () => Promise.all([rpc.close(), rpc.close()]));
  await rpc.close();
  await within(1_000, peer.left, "the end of our side");
});

test("`await using` closes", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  {
    await using closing = rpc;
    assert.is(closing.endpoint, server.endpoint);
  }
  assert.is((await rpc.closed).code, "ENDED");
  await within(1_000, peer.left, "the end of our side");
});

test("what was written before close() still arrives", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  const out = rpc.request("ping", { message: "x".repeat(4 << 20) });
  const rejected = rejects(out, { code: "ENDED" });
  await rpc.close();
  await rejected;
  const arrived = await within(5_000, peer.next("ping"), "the last request");
  assert.is(String(arrived.params?.message).length, 4 << 20);
});

test("a stream that takes nothing more does not stop what comes in", async () => {
  const { target, peer } = memoryPeer();
  let stuck = false;
  const writable = new Writable({
    highWaterMark: 1,
    write(chunk, encoding, done) {
      if (!stuck) target.writable.write(chunk, encoding, done);
    },
  });
  const connecting = connect({ readable: target.readable, writable });
  peer.answer(await peer.next("connect"), hello);
  const rpc = await connecting;
  stuck = true;
  const out = Array.from({ length: 10 }, () => rpc.request("ping"));
  const settled = Promise.allSettled(out);
  const event = rpc.events.wait("session.idle", { timeoutMs: 2_000 });
  peer.send(sessionEvent("s", "session.idle", "e1"));
  await event;
  await rpc.close();
  assert.ok((await settled).every(({ status }) => status === "rejected"));
});

test("one end has one reason: the first", async () => {
  const { rpc, peer } = await memoryPair();
  peer.raw("garbage\r\n\r\n");
  peer.hangUp();
  assert.is((await rpc.closed).code, "PROTOCOL");
  await rpc.close();
  peer.destroy(new Error("later"));
  await turn();
  assert.is((await rpc.closed).code, "PROTOCOL");
  await rejects(rpc.request("ping"), { code: "PROTOCOL" });
});
