import { inspect } from "node:util";
import { ValidationError } from "latchkey";
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { frame, hello, memoryPair, memoryPeer, trapStrayRejections } from "../support/pair.js";
import { allReject } from "../support/settled.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("Rpc: what is not the protocol", { timeoutMs: 10_000 });
trapStrayRejections(test);

const garbage: readonly (readonly [string, Buffer, RegExp])[] = [
  ["a header that is none", Buffer.from("sekret\r\n\r\n"), /a header line without a name/],
  ["no Content-Length", Buffer.from("Content-Type: sekret\r\n\r\n"), /without Content-Length/],
  ["a body that is not JSON", Buffer.from("Content-Length: 8\r\n\r\n{sekret}"), /8 characters that is not JSON/],
  ["an empty body", Buffer.from("Content-Length: 0\r\n\r\n"), /not JSON/],
  ["a body that is not UTF-8", Buffer.from("Content-Length: 1\r\n\r\n\xff", "latin1"), /not UTF-8/],
  ["a frame beyond the limit", Buffer.from("Content-Length: 70000000\r\n\r\n"), /70000000 bytes, more than the limit/],
  ["null", frame(null), /message/],
  ["a string", frame("sekret"), /message/],
  ["a batch", frame([{ jsonrpc: "2.0", id: 0, result: "sekret" }]), /message/],
  ["no jsonrpc", frame({ id: 0, result: "sekret" }), /"jsonrpc" expected/],
  ["jsonrpc 1.0", frame({ jsonrpc: "1.0", id: 0, result: "sekret" }), /"jsonrpc" expected/],
  ["neither method nor result", frame({ jsonrpc: "2.0", id: 0 }), /response: "result"/],
  ["result and error", frame({ jsonrpc: "2.0", id: 0, result: 1, error: { code: 1, message: "sekret" } }), /response/],
  ["an error that is null", frame({ jsonrpc: "2.0", id: 0, error: null }), /"error"/],
  ["an error without code", frame({ jsonrpc: "2.0", id: 0, error: { message: "sekret" } }), /"error\.code"/],
  [
    "an error with a fractional code",
    frame({ jsonrpc: "2.0", id: 0, error: { code: 1.5, message: "" } }),
    /"error\.code"/,
  ],
  ["an error without message", frame({ jsonrpc: "2.0", id: 0, error: { code: 1 } }), /"error\.message"/],
  ["a response without id", frame({ jsonrpc: "2.0", result: "sekret" }), /"id"/],
  ["a response with id null", frame({ jsonrpc: "2.0", id: null, result: "sekret" }), /"id"/],
  ["a response with an object as id", frame({ jsonrpc: "2.0", id: { sekret: 1 }, result: 1 }), /"id"/],
  [
    "an error with id null",
    frame({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "sekret" } }),
    /without an id/,
  ],
  ["a method that is no text", frame({ jsonrpc: "2.0", method: 5, id: 1 }), /"method"/],
  ["a request with id null", frame({ jsonrpc: "2.0", id: null, method: "x" }), /"id"/],
  ["params that are text", frame({ jsonrpc: "2.0", method: "x", params: "sekret" }), /"params"/],
  ["session.event without params", frame({ jsonrpc: "2.0", method: "session.event" }), /session\.event/],
  [
    "session.event without a session",
    frame({ jsonrpc: "2.0", method: "session.event", params: { event: { type: "x" } } }),
    /"sessionId"/,
  ],
  [
    "session.event without an event",
    frame({ jsonrpc: "2.0", method: "session.event", params: { sessionId: "s" } }),
    /"event"/,
  ],
  [
    "session.event without a type",
    frame({ jsonrpc: "2.0", method: "session.event", params: { sessionId: "s", event: { sekret: 1 } } }),
    /"event\.type"/,
  ],
];

for (const [what, bytes, message] of garbage)
  test(`garbage: ${what}: PROTOCOL, named and not quoted`, async () => {
    const { rpc, peer } = await memoryPair();
    const error = await allReject(rpc, peer, "PROTOCOL", () => peer.raw(bytes));
    assert.match(error.message, message);
    assert.match(error.message, /^the peer sent /);
    assert.not.match(inspect(error, { depth: 9 }), "sekret");
    assert.not.match(inspect(await rpc.closed, { depth: 9 }), "sekret");
  });

test("the stream ends inside a frame: PROTOCOL", async () => {
  for (const bytes of ["Content-Le", "Content-Length: 5\r\n\r\n", "Content-Length: 5\r\n\r\n{}"]) {
    const { rpc, peer } = await memoryPair();
    const error = await allReject(rpc, peer, "PROTOCOL", () => {
      peer.raw(bytes);
      peer.hangUp();
    });
    assert.match(error.message, "ended inside a frame");
  }
});

test("what came whole before the garbage counts", async () => {
  const { rpc, peer } = await memoryPair();
  const order: string[] = [];
  const answered = rpc.request("ping");
  const seen = answered.then(({ message }) => order.push(message));
  const closed = rpc.closed.then(({ code }) => order.push(code));
  const unanswered = rejects(rpc.request("models.list"), { code: "PROTOCOL" });
  const request = await peer.next("ping");
  peer.raw(
    Buffer.concat([frame({ jsonrpc: "2.0", id: request.id, result: { message: "pong" } }), Buffer.from("no\r\n\r\n")]),
  );
  assert.is((await answered).message, "pong");
  await unanswered;
  await Promise.all([seen, closed]);
  assert.equal(order, ["pong", "PROTOCOL"]);
});

test("the limit on frames is an option", async () => {
  const { rpc, peer } = await memoryPair({ maxFrameBytes: 200 });
  const error = await allReject(rpc, peer, "PROTOCOL", () =>
    peer.send({ jsonrpc: "2.0", method: "x", params: { long: "y".repeat(200) } }),
  );
  assert.match(error.message, /more than the limit of 200/);
});

test("the evidence of a PROTOCOL error says which field, as a ValidationError", async () => {
  const { rpc, peer } = await memoryPair();
  peer.send({ jsonrpc: "2.0", id: 0, error: { code: "x", message: 5 } });
  const { cause } = await rpc.closed;
  assert.instance(cause, ValidationError);
  assert.ok(cause instanceof ValidationError);
  assert.equal(
    cause.issues.map(({ path }) => path),
    ["error.code", "error.message"],
  );
});

test("deep JSON and long keys pass", async () => {
  const { rpc, peer } = await memoryPair();
  const out = rpc.request("ping");
  const { id } = await peer.next("ping");
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  const body = `{"jsonrpc":"2.0","id":${id},"result":{"deep":${deep},"${"k".repeat(100_000)}":1}}`;
  peer.raw(`Content-Length: ${body.length}\r\n\r\n${body}`);
  assert.is(Object.keys(await out).length, 2);
  await rpc.close();
});

test("a stream that was set to give text is read all the same", async () => {
  const { target, peer } = memoryPeer();
  target.readable.setEncoding("utf8");
  const connecting = connect(target);
  peer.answer(await peer.next("connect"), { ...hello, version: "ž🔑" });
  const rpc = await connecting;
  assert.is(rpc.hello.version, "ž🔑");
  await rpc.close();
});
