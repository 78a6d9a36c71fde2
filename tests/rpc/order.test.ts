import { Duplex } from "node:stream";
import fc from "fast-check";
import { connect, type Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import {
  frame,
  hello,
  memoryPair,
  memoryPeer,
  type Peer,
  peerServer,
  sessionEvent,
  socketPair,
  trapStrayRejections,
  turn,
  turns,
} from "../support/pair.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("Rpc: sessions and the order of things", { timeoutMs: 10_000 });
trapStrayRejections(test);

test("session(id): the same object for the same id, with sessionId filled in and the prefix left out", async () => {
  const { rpc, peer } = await memoryPair();
  const session = rpc.session("a");
  assert.is(rpc.session("a"), session);
  assert.is.not(rpc.session("b"), session);
  assert.is(session.id, "a");
  assert.is(session.rpc, rpc);
  const out = session.request("mcp.oauth.handlePendingRequest", { requestId: "r", result: { kind: "cancelled" } });
  const request = await peer.next("session.mcp.oauth.handlePendingRequest");
  assert.equal(request.params, { requestId: "r", result: { kind: "cancelled" }, sessionId: "a" });
  peer.answer(request, { success: true });
  assert.equal(await out, { success: true });
  const bare = session.request("eventLog.tail");
  const tail = await peer.next("session.eventLog.tail");
  assert.equal(tail.params, { sessionId: "a" });
  peer.answer(tail, {});
  await bare;
  await rpc.close();
});

test("a session's events go to it and to the connection, with the session's id", async () => {
  const { rpc, peer } = await memoryPair();
  const seen: string[] = [];
  rpc.session("a").events.on("session.idle", (event) => seen.push(`a ${event.id}`));
  rpc.session("b").events.on("*", (event) => seen.push(`b* ${event.id}`));
  rpc.events.on("session.idle", ({ sessionId, event }) => seen.push(`rpc ${sessionId} ${event.id}`));
  rpc.events.on("*", ({ sessionId, event }) => seen.push(`rpc* ${sessionId} ${event.id}`));
  peer.send(
    sessionEvent("a", "session.idle", "1"),
    sessionEvent("b", "session.idle", "2"),
    sessionEvent("nobody", "session.idle", "3"),
  );
  await turns(2);
  assert.equal(seen, ["a 1", "rpc a 1", "rpc* a 1", "b* 2", "rpc b 2", "rpc* b 2", "rpc nobody 3", "rpc* nobody 3"]);
  await rpc.close();
});

const uuid = (n: number): string => `${n.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;

test("each event once by its id, within its session; events without an id always", async () => {
  const { rpc, peer } = await memoryPair();
  const seen: string[] = [];
  rpc.events.on("*", ({ sessionId, event }) => seen.push(`${sessionId}${event.id ?? ""}`));
  const idle = (session: string, id: string) => sessionEvent(session, "session.idle", id);
  const nameless = {
    jsonrpc: "2.0",
    method: "session.event",
    params: { sessionId: "a", event: { type: "session.idle" } },
  };
  peer.send(idle("a", "1"), idle("a", "1"), idle("b", "1"), idle("b", "1"), idle("a", "1"), idle("c", "1"));
  peer.send(nameless, nameless, idle("a", "2"), idle("a", "1"), idle("b", "2"));
  await turns(3);
  assert.equal(seen, ["a1", "b1", "c1", "a", "a", "a2", "b2"]);

  for (const name of [(n: number) => `m${n}`, uuid]) {
    const [first, ...many] = Array.from({ length: 2_048 }, (_, at) => idle("a", name(at)));
    seen.length = 0;
    peer.send(first, ...many.slice(0, 1_023), first);
    await turns(3);
    assert.is(seen.length, 1_024, "a repeat within 1024 events is told");

    seen.length = 0;
    peer.send(...many.slice(1_023), first);
    await turns(3);
    assert.is(seen.length, 1_025, "what is long past is forgotten: memory does not grow");
  }
  await rpc.close();
});

test("a repeat within 1024 events is told whatever serves as an id, and nothing else is taken for one", async () => {
  // Alike but for capitals, length, an accent, half a character; as long as a UUID, and longer.
  const forms = [
    ...[uuid, (n: number) => uuid(n).toUpperCase(), (n: number) => `${uuid(n)}-${n}`, (n: number) => String(n)],
    ...[(n: number) => `${n}\0`, (n: number) => `${n}\u00e9`, (n: number) => `${n}\ud800`, (n: number) => `${n}\ufffd`],
  ];
  const step = fc.record({
    session: fc.integer({ min: 0, max: 2 }).map((n) => uuid(n)),
    id: fc.tuple(fc.constantFrom(...forms), fc.integer({ min: 0, max: 400 })).map(([form, n]) => form(n)),
    times: fc.integer({ min: 1, max: 3 }),
  });
  const steps = fc.array(step, { minLength: 3_000, maxLength: 4_000, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, async (wanted) => {
      const { rpc, peer } = await memoryPair();
      // Of two sessions the connection has an object, of the third it has none.
      const own = [0, 1].map((n) => rpc.session(uuid(n)));
      let seen: string[] = [];
      rpc.events.on("*", ({ sessionId, event }) => seen.push(`${sessionId} ${event.id}`));
      const lastAt = new Map<string, number>();
      let distinct = 0;
      for (const { session, id, times } of wanted) {
        peer.send(...Array.from({ length: times }, () => sessionEvent(session, "session.idle", id)));
        await turn();
        const name = `${session} ${JSON.parse(JSON.stringify(id))}`;
        const since = lastAt.get(name);
        if (since === undefined) assert.equal(seen, [name], "a new event was taken for a repeat");
        else if (distinct - since < 1_024) assert.equal(seen, [], "a repeat was not told");
        else assert.ok(seen.length <= 1, "a repeat in a row was not told");
        // What was told is not remembered anew.
        if (seen.length > 0) lastAt.set(name, distinct++);
        seen = [];
      }
      assert.is(own.length, 2);
      await rpc.close();
    }),
    { numRuns: 4 },
  );
});

test("unknown event types and unknown fields pass untouched", async () => {
  const { rpc, peer } = await memoryPair();
  const seen: unknown[] = [];
  const session = rpc.session("a");
  session.events.on("*", (event) => seen.push(event));
  // @ts-expect-error a type that the schemas do not know
  session.events.on("brand.new", (event: unknown) => seen.push(event));
  const unknown = sessionEvent("a", "brand.new", "1", { deep: [{ x: null }] }, { futureField: { y: "ž" } });
  const known = sessionEvent("a", "session.idle", "2", { constructor: 1, prototype: 2 }, { agentId: "z" });
  peer.send(unknown, { ...known, extra: 1, params: { ...known.params, extra: 2 } });
  await turns(2);
  assert.equal(seen, [unknown.params.event, unknown.params.event, known.params.event]);

  const out = rpc.request("ping");
  peer.answer(await peer.next("ping"), { message: "x", future: { field: [1] } });
  assert.equal(await out, { message: "x", future: { field: [1] } });
  await rpc.close();
});

test("no event type of the peer can reach listeners that it is not for", async () => {
  const { rpc, peer } = await memoryPair();
  const every: string[] = [];
  const session = rpc.session("a");
  session.events.on("*", ({ type }) => every.push(type));
  session.events.on("listener:error", () => every.push("a report of no failure"));
  const types = ["listener:error", "*", "every:", "__proto__", "constructor", "toString", "", "Symbol(every)"];
  peer.send(...types.map((type, at) => sessionEvent("a", type, String(at))));
  await turns(2);
  assert.equal(every, types);
  await rpc.close();
});

test("session.lifecycle and other notifications have events of their own, outside of *", async () => {
  const { rpc, peer } = await memoryPair();
  const seen: unknown[] = [];
  rpc.events.on("session.lifecycle", (event) => seen.push(event));
  rpc.events.on("notification", (event) => seen.push(event));
  rpc.events.on("*", () => seen.push("*"));
  const created = { type: "session.created", sessionId: "s", metadata: { startTime: "", modifiedTime: "" }, more: 1 };
  const odd = { constructor: "kept", a: [1] };
  peer.send(
    { jsonrpc: "2.0", method: "session.lifecycle", params: created },
    { jsonrpc: "2.0", method: "session.lifecycle", params: { no: "session" } },
    { jsonrpc: "2.0", method: "some.thing", params: odd },
    { jsonrpc: "2.0", method: "some.thing" },
  );
  await turns(2);
  assert.equal(seen, [
    { sessionId: "s", event: created },
    { method: "session.lifecycle", params: { no: "session" } },
    { method: "some.thing", params: odd },
    { method: "some.thing", params: undefined },
  ]);
  await rpc.close();
});

/** Streams that hand everything over in one tick: the hardest case for order. */
function eagerPeer(): { target: { readable: Duplex; writable: Duplex }; peer: Peer } {
  const { target, peer } = memoryPeer();
  const duplex = new Duplex({
    read() {},
    write(chunk, encoding, done) {
      target.writable.write(chunk, encoding, done);
    },
  });
  target.readable.on("data", (chunk) => duplex.push(chunk));
  return { target: { readable: duplex, writable: duplex }, peer };
}

const makers: readonly (readonly [string, () => Promise<{ rpc: Rpc; peer: Peer; done(): Promise<void> }>])[] = [
  [
    "a socket",
    async () => {
      const server = await peerServer();
      const { rpc, peer } = await socketPair(server);
      return { rpc, peer, done: async () => await server[Symbol.asyncDispose]() };
    },
  ],
  ["two streams", async () => ({ ...(await memoryPair()), done: async () => undefined })],
  [
    "one duplex",
    async () => {
      const { target, peer } = eagerPeer();
      const connecting = connect(target);
      peer.answer(await peer.next("connect"), hello);
      return { rpc: await connecting, peer, done: async () => undefined };
    },
  ],
];

for (const [what, make] of makers)
  for (const cut of ["one chunk", "a chunk each", "byte by byte"] as const)
    test(`wire order of responses and events on ${what}, ${cut}`, async () => {
      const { rpc, peer, done } = await make();
      const seen: string[] = [];
      rpc.session("a").events.on("*", ({ id }) => seen.push(id));
      rpc.events.on("notification", ({ method }) => seen.push(method));
      rpc.handle("userInput.request", ({ question }) => {
        seen.push(question);
        return { answer: "", wasFreeform: true };
      });
      const steps = (async () => {
        seen.push((await rpc.request("ping")).message);
        // What the first response starts is under way before the event behind it is seen.
        seen.push((await rpc.request("ping")).message);
      })();
      const other = rpc.request("models.list").then(() => seen.push("r3"));
      const first = await peer.next("ping");
      const third = await peer.next("models.list");
      const event = (id: string) => frame(sessionEvent("a", "session.idle", id));
      const result = (id: unknown, message: string) => frame({ jsonrpc: "2.0", id, result: { message } });
      const chunks = [
        event("e1"),
        event("e2"),
        result(first.id, "r1"),
        event("e3"),
        frame({ jsonrpc: "2.0", method: "n1" }),
        result(third.id, ""),
        event("e4"),
        event("e5"),
      ];
      if (cut === "one chunk") peer.raw(Buffer.concat(chunks));
      else if (cut === "a chunk each") for (const chunk of chunks) peer.raw(chunk);
      else for (const byte of Buffer.concat(chunks)) peer.raw(Uint8Array.of(byte));
      const second = await within(2_000, peer.next("ping"), "the second request");
      await other;
      peer.raw(Buffer.concat([event("e6"), result(second.id, "r2"), event("e7")]));
      await steps;
      await turns(3);
      assert.equal(seen, ["e1", "e2", "r1", "e3", "n1", "r3", "e4", "e5", "e6", "r2", "e7"]);
      await rpc.close();
      await done();
    });

test("a listener that is set when a response is seen gets the event behind it", async () => {
  for (const [, make] of makers) {
    const { rpc, peer, done } = await make();
    const created = rpc
      .request("session.create")
      .then(({ sessionId }) => rpc.session(sessionId).events.wait("session.idle", { timeoutMs: 1_000 }));
    const { id } = await peer.next("session.create");
    peer.raw(
      Buffer.concat([
        frame({ jsonrpc: "2.0", id, result: { sessionId: "new" } }),
        frame(sessionEvent("new", "session.idle", "first")),
      ]),
    );
    assert.is((await created).id, "first");
    await rpc.close();
    await done();
  }
});

test("the end of the connection comes after the last response and the events before it", async () => {
  for (const [, make] of makers) {
    const { rpc, peer, done } = await make();
    const seen: string[] = [];
    rpc.session("a").events.on("*", ({ id }) => seen.push(id));
    const out = rpc.request("ping").then(({ message }) => seen.push(message));
    const closed = rpc.closed.then(({ code }) => seen.push(code));
    const { id } = await peer.next("ping");
    peer.raw(
      Buffer.concat([
        frame(sessionEvent("a", "session.idle", "e1")),
        frame({ jsonrpc: "2.0", id, result: { message: "r" } }),
        frame(sessionEvent("a", "session.idle", "e2")),
      ]),
    );
    peer.hangUp();
    await out;
    if (rpc.endpoint === "stdio:" && seen.length < 3) await turns(20);
    else await closed;
    assert.equal(seen.slice(0, 3), ["e1", "r", "e2"]);
    await rpc.close();
    await done();
  }
});

test("waits and streams of a connection end with it; sessions made afterwards are over as well", async () => {
  const { rpc, peer } = await memoryPair();
  const wait = rejects(rpc.session("a").events.wait("session.idle"), { code: "CLOSED" });
  const whole = rejects(rpc.events.wait("*"), { code: "CLOSED" });
  const stream = rpc.session("a").events.stream("*");
  const read = rejects(stream.next(), { code: "CLOSED" });
  peer.hangUp();
  await Promise.all([wait, whole, read]);
  assert.ok((await stream.next()).done);
  await rejects(rpc.session("late").events.wait("session.idle"), { code: "CLOSED" });
  await rejects(rpc.session("late").events.stream("*").next(), { code: "CLOSED" });

  const { rpc: ours } = await memoryPair();
  const quiet = ours.session("a").events.stream("*").next();
  const ended = rejects(ours.session("a").events.wait("session.idle"), { code: "ENDED" });
  await ours.close();
  assert.ok((await quiet).done, "our own close() ends streams quietly");
  await ended;
});
