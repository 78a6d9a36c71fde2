import * as assert from "uvu/assert";
import {
  frame,
  memoryPair,
  peerServer,
  sessionEvent,
  socketPair,
  trapStrayRejections,
  turns,
} from "../support/pair.js";
import { suite } from "../support/suite.js";

const test = suite("Rpc: the nudge", { timeoutMs: 10_000 });
trapStrayRejections(test);

const idle = (id: string) => sessionEvent("s", "session.idle", id);
/** A notification has come and everything written before it was read by the other side. */
const settle = () => turns(10);

test("after an event: one, and one only for many events in a chunk", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  await settle();
  const before = peer.nudges;
  const seen = rpc.events.wait("*", { where: ({ event }) => event.id === "9" });
  peer.send(...Array.from({ length: 10 }, (_, id) => idle(String(id))));
  await seen;
  await settle();
  assert.is(peer.nudges - before, 1);
  await rpc.close();
});

test("after a chunk while a response is owed: one", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  await settle();
  const out = rpc.request("ping");
  const request = await peer.next("ping");
  const before = peer.nudges;
  peer.send({ jsonrpc: "2.0", method: "note" });
  await settle();
  assert.is(peer.nudges - before, 1);
  peer.answer(request, {});
  await out;
  await rpc.close();
});

test("at most one a chunk, whatever is in it", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  await settle();
  const out = [rpc.request("ping"), rpc.request("ping"), rpc.request("models.list")];
  const ids = [(await peer.next("ping")).id, (await peer.next("ping")).id];
  const listed = await peer.next("models.list");
  const before = peer.nudges;
  peer.send(
    idle("1"),
    { jsonrpc: "2.0", id: ids[0], result: {} },
    idle("2"),
    { jsonrpc: "2.0", id: ids[1], result: {} },
    idle("3"),
    { jsonrpc: "2.0", method: "note" },
  );
  await Promise.all(out.slice(0, 2));
  await settle();
  assert.is(peer.nudges - before, 1);
  peer.answer(listed, {});
  await Promise.all(out);
  await rpc.close();
});

test("none while idle", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  await settle();
  const before = peer.nudges;
  const note = rpc.events.wait("notification");
  peer.send({ jsonrpc: "2.0", method: "note" });
  await note;
  peer.send({ jsonrpc: "2.0", id: 12_345, result: "to nobody" });
  await settle();
  assert.is(peer.nudges - before, 0);
  await rpc.close();
});

test("after the last response that is owed: one, unless the caller writes again", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  await settle();
  const before = peer.nudges;
  const calls = (async () => {
    await rpc.request("ping");
    await rpc.request("ping");
  })();
  peer.answer(await peer.next("ping"), {});
  const second = await peer.next("ping");
  await settle();
  assert.is(peer.nudges - before, 0, "the second request carried the ACK of the first answer");
  peer.answer(second, {});
  await calls;
  await settle();
  assert.is(peer.nudges - before, 1);
  await rpc.close();
});

test("after a part of a frame", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  await settle();
  const before = peer.nudges;
  const note = rpc.events.wait("notification");
  const whole = frame({ jsonrpc: "2.0", method: "note" });
  peer.raw(whole.subarray(0, 20));
  await settle();
  assert.is(peer.nudges - before, 1);
  peer.raw(whole.subarray(20));
  await note;
  await settle();
  assert.is(peer.nudges - before, 1);
  await rpc.close();
});

test("after news of the session whose event came last, and not of others", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server);
  const seen = rpc.events.wait("*");
  peer.send(idle("1"));
  await seen;
  await settle();
  for (const [sessionId, nudges] of [
    ["other", 0],
    ["s", 1],
  ] as const) {
    const before = peer.nudges;
    const told = rpc.events.wait("session.lifecycle");
    peer.send({ jsonrpc: "2.0", method: "session.lifecycle", params: { type: "session.updated", sessionId } });
    await told;
    await settle();
    assert.is(peer.nudges - before, nudges, sessionId);
  }
  await rpc.close();
});

test("can be switched off", async () => {
  await using server = await peerServer();
  const { rpc, peer } = await socketPair(server, { nudge: false });
  const seen = rpc.events.wait("*");
  peer.send(idle("1"));
  await seen;
  const out = rpc.request("ping");
  const request = await peer.next("ping");
  peer.send(idle("2"));
  peer.answer(request, {});
  await out;
  await settle();
  assert.is(peer.nudges, 0);
  await rpc.close();
});

test("none on other streams", async () => {
  const { rpc, peer } = await memoryPair({ nudge: true });
  const seen = rpc.events.wait("*");
  const out = rpc.request("ping");
  peer.send(idle("1"));
  peer.answer(await peer.next("ping"), {});
  await Promise.all([seen, out]);
  await settle();
  assert.is(peer.nudges, 0);
  await rpc.close();
});
