/** `keep()`: the three parts of a keeper in one call, on the real runtime. */
import { keep, keepSessions } from "latchkey/keeper";
import { type Ledger, openLedger } from "latchkey/ledger";
import { wholeData } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { memoryPair, type Peer, trapStrayRejections } from "../support/pair.js";
import { suite, within } from "../support/suite.js";
import {
  fakeAndReal,
  obtainToken,
  openWorld,
  serverStatus,
  startTestRuntime,
  type TestRuntime,
  tokenAnswer,
  unloaded,
  type World,
} from "../support/world.js";

async function answerNext(ledger: Ledger): Promise<void> {
  await using claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker", waitMs: 10_000 });
  const request = await claim?.request();
  assert.ok(request?.kind === "mcp.oauth_required");
  await claim?.answer(tokenAnswer(await obtainToken(wholeData(request))));
}

for (const under of fakeAndReal) {
  const test = suite(`keep on ${under.name}`);
  let testRuntime: TestRuntime;
  let place: Place;
  test.before(async () => {
    [testRuntime, place] = await Promise.all([startTestRuntime(under), sqlitePlace()]);
  });
  test.after(async () => {
    await testRuntime.close();
    await place[Symbol.asyncDispose]();
  });

  const create = async (rpc: Rpc, world: World): Promise<Session> => {
    const { sessionId } = await rpc.request("session.create", world.sessionParams());
    return rpc.session(sessionId);
  };

  test("holds a new session, registers interest, records, delivers, and outlives the host", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    await using near = await testRuntime.connect();
    await using keeping = keep(near, ledger, { principal: "ada", interest: ["mcp.oauth_required"], owner: "keeper" });
    const problems: unknown[] = [];
    for (const type of ["error", "missed"] as const) keeping.events.on(type, (problem) => problems.push(problem));
    const held = keeping.events.wait("held", { timeoutMs: 10_000 });
    const recorded = keeping.events.wait("recorded", { timeoutMs: 20_000 });
    const settled = keeping.events.wait("settled", { timeoutMs: 20_000 });
    const host = await testRuntime.connect();
    const session = await create(host, world);
    assert.is((await held).sessionId, session.id);
    const entry = await recorded;
    assert.is(entry.principal, "ada");
    await host.close();
    await answerNext(ledger);
    const { id, outcome } = await settled;
    assert.equal([id, outcome], [entry.id, "accepted"]);
    await serverStatus(near.session(session.id), "connected");
    assert.equal(
      (await ledger.receipts(id)).map(({ state, by }) => [state, by]),
      [
        ["open", "keeper"],
        ["answered", "broker"],
        ["sent", "keeper"],
        ["settled", "keeper"],
      ],
    );
    assert.equal(problems, []);
  });

  test("comes back to the sessions that have something open in the ledger, and to no others", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    await using host = await testRuntime.connect();
    await using first = await testRuntime.connect();
    const before = keep(first, ledger, { interest: ["mcp.oauth_required"] });
    const recorded = before.events.wait("recorded", { timeoutMs: 20_000 });
    const session = await create(host, world);
    const { id } = await recorded;
    await first.close();
    await within(5000, before.closed, "the end of the first keeper");
    const { sessionId: other } = await host.request("session.create", {});

    await using second = await testRuntime.connect();
    await using after = keep(second, ledger);
    const held: string[] = [];
    after.events.on("held", ({ sessionId }) => held.push(sessionId));
    await after.ready;
    assert.equal(held, [session.id]);
    const settled = after.events.wait("settled", { timeoutMs: 20_000 });
    await host.close();
    await unloaded(second, other);
    await answerNext(ledger);
    assert.is((await settled).id, id);
  });

  test("goes on past a session that is not there", async () => {
    await using ledger = await openLedger(await place.location(), { key });
    await using near = await testRuntime.connect();
    const absent = "6a1f6e0e-5b7e-4a39-9f6e-0d6f4f3a2b12";
    await using host = await testRuntime.connect();
    const { sessionId } = await host.request("session.create", {});
    await using keeping = keep(near, ledger, { sessions: [absent, sessionId] });
    const held = keeping.events.wait("held", { timeoutMs: 10_000 });
    await keeping.ready;
    assert.is((await held).sessionId, sessionId);
  });

  test("ends with its connection, and leaves the connection open when it is closed", async () => {
    await using ledger = await openLedger(await place.location(), { key });
    const near = await testRuntime.connect();
    await keep(near, ledger).close();
    await near.request("ping", {});
    const keeping = keep(near, ledger);
    await near.close();
    await within(10_000, keeping.closed, "the end");
  });
}

const inMemory = suite("keep on a runtime in memory");
trapStrayRejections(inMemory);

/** Has every session loaded, with nothing in its log. An attach is answered as soon as `ready` lets it. */
function serve(peer: Peer, ready: (sessionId: unknown) => Promise<void> = async () => undefined): void {
  const answer = async (method: string, result: object): Promise<void> => {
    for (;;) {
      const request = await peer.next(method);
      const given = method === "session.resume" ? ready(request.params?.sessionId) : Promise.resolve();
      void given.then(() => peer.answer(request, result));
    }
  };
  void answer("session.eventLog.read", { events: [], cursor: "x|0", cursorStatus: "ok", hasMore: false });
  void answer("session.eventLog.tail", { cursor: "x|0" });
  void answer("session.tools.listPendingRequests", { items: [] });
  void answer("session.resume", { sessionId: "", workspacePath: null });
}

const attaches = (peer: Peer) =>
  peer.received.filter(({ method }) => method === "session.resume").map(({ params }) => params?.sessionId);

const announced = (type: "session.created" | "session.updated", sessionId: string) => ({
  jsonrpc: "2.0",
  method: "session.lifecycle",
  params: { type, sessionId },
});

inMemory("a session that comes back is held again if it was named, and no other is", async () => {
  await using ledger = await openLedger(":memory:");
  const { rpc, peer } = await memoryPair();
  serve(peer);
  await using keeping = keep(rpc, ledger, { sessions: ["own"] });
  await keeping.ready;
  const held = keeping.events.wait("held", { timeoutMs: 5000 });
  peer.send(announced("session.updated", "another"), announced("session.updated", "own"));
  assert.is((await held).sessionId, "own");
  assert.equal(attaches(peer), ["own", "own"]);
  await rpc.close();
});

inMemory("a session that came back while others were tried is attached to once", async () => {
  await using ledger = await openLedger(":memory:");
  const { rpc, peer } = await memoryPair();
  let goOn = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  serve(peer, (sessionId) => (sessionId === "first" ? gate : Promise.resolve()));
  await using keeping = keep(rpc, ledger, { sessions: ["first", "second"] });
  const held = keeping.events.wait("held", { timeoutMs: 5000 });
  peer.send(announced("session.updated", "second"));
  assert.is((await held).sessionId, "second");
  goOn();
  await within(5000, keeping.ready, "the sessions of before");
  assert.equal(attaches(peer), ["first", "second"]);
  await rpc.close();
});

inMemory("a session whose birth is announced twice is attached to once", async () => {
  const { rpc, peer } = await memoryPair();
  serve(peer);
  using keeper = keepSessions(rpc);
  const held = keeper.events.wait("held", { timeoutMs: 5000, where: ({ sessionId }) => sessionId === "second" });
  peer.send(...["first", "first", "second"].map((sessionId) => announced("session.created", sessionId)));
  await held;
  assert.equal(attaches(peer), ["first", "second"]);
  await rpc.close();
});
