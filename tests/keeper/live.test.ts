import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { LedgerError } from "latchkey";
import { registerInterest } from "latchkey/events";
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { type Entry, type Ledger, openLedger, type State } from "latchkey/ledger";
import { hold, pendingRequest, wholeData } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { suite, within } from "../support/suite.js";
import {
  fakeAndReal,
  obtainToken,
  openWorld,
  serverStatus,
  startScript,
  startTestRuntime,
  type TestRuntime,
  tokenAnswer,
  unloaded,
} from "../support/world.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

/** The next transition of any entry to a state. */
async function becomes(transitions: AsyncIterable<Entry>, state: State): Promise<Entry> {
  for await (const entry of transitions) if (entry.state === state) return entry;
  throw new Error("the watch ended");
}

async function broker(ledger: Ledger): Promise<void> {
  await using claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker", waitMs: 5000 });
  assert.ok(claim);
  const request = await claim.request();
  if (request.kind !== "mcp.oauth_required") throw new Error("not what was asked for");
  await claim.answer(tokenAnswer(await obtainToken(wholeData(request))), { account: "ada" });
}

for (const under of fakeAndReal) {
  const test = suite(`ledger and runtime ${under.name}`);
  let testRuntime: TestRuntime;
  let place: Place;
  test.before(async () => {
    [testRuntime, place] = await Promise.all([startTestRuntime(under), sqlitePlace()]);
  });
  test.after(async () => {
    await testRuntime.close();
    await place[Symbol.asyncDispose]();
  });

  async function create(rpc: Rpc, world: Awaited<ReturnType<typeof openWorld>>): Promise<Session> {
    const { sessionId } = await rpc.request("session.create", world.sessionParams());
    return rpc.session(sessionId);
  }

  test("a request is recorded, answered in the ledger and delivered", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    const rpc = await testRuntime.connect();
    await using recorder = recordPending(rpc, ledger, { principal: "ada" });
    await using deliverer = deliverAnswers(rpc, ledger);
    const problems: unknown[] = [];
    recorder.events.on("error", (problem) => problems.push(problem));
    deliverer.events.on("error", (problem) => problems.push(problem));
    const settled = becomes(ledger.watch(), "settled");
    const session = await create(rpc, world);
    await registerInterest(session, "mcp.oauth_required");
    await broker(ledger);
    const entry = await within(5000, settled, "the delivery");
    assert.is(entry.outcome, "accepted");
    await serverStatus(session, "connected");
    const states = (await ledger.receipts(entry.id)).map(({ state }) => state);
    assert.equal(states, ["open", "answered", "sent", "settled"]);
    assert.equal(problems, []);
    await rpc.close();
    await within(5000, Promise.all([recorder.closed, deliverer.closed]), "the end");
  });

  test("a second session of the principal is served at once; what another client answers is settled elsewhere", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    await using rpc = await testRuntime.connect();
    await using _recorder = recordPending(rpc, ledger, { principal: () => "ada" });
    await using _deliverer = deliverAnswers(rpc, ledger);
    const first = await create(rpc, world);
    await registerInterest(first, "mcp.oauth_required");
    await broker(ledger);
    await serverStatus(first, "connected");
    const second = await create(rpc, world);
    const settled = becomes(ledger.watch({ sessionId: second.id }), "settled");
    await registerInterest(second, "mcp.oauth_required");
    assert.is((await within(5000, settled, "the second delivery")).outcome, "accepted");
    await serverStatus(second, "connected");
    assert.is(world.authorization.issued.byCode, 1);

    await using stranger = await openWorld();
    const third = await create(rpc, stranger);
    const elsewhere = becomes(ledger.watch({ sessionId: third.id }), "settled");
    const asked = third.events.wait("mcp.oauth_required", { timeoutMs: 5000 });
    await registerInterest(third, "mcp.oauth_required");
    const { requestId } = (await asked).data;
    await third.request("mcp.oauth.handlePendingRequest", { requestId, result: { kind: "cancelled" } });
    assert.is((await within(5000, elsewhere, "the completed event")).outcome, "elsewhere");
  });

  test("an answer that comes after the session was unloaded is kept for the successor", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    await using rpc = await testRuntime.connect();
    await using stranger = await testRuntime.connect();
    await using recorder = recordPending(rpc, ledger, { principal: "ada" });
    const session = await create(rpc, world);
    const recorded = recorder.events.wait("recorded", { timeoutMs: 5000 });
    await using _elsewhere = deliverAnswers(stranger, ledger, { owner: "stranger" });
    await using deliverer = deliverAnswers(rpc, ledger, { owner: "keeper" });
    await registerInterest(session, "mcp.oauth_required");
    const { id } = await recorded;
    await rpc.request("session.destroy", { sessionId: session.id });
    await unloaded(rpc, session.id);
    const lost = deliverer.events.wait("lost", { timeoutMs: 5000 });
    await broker(ledger);
    assert.is((await lost).id, id);
    // Who never saw it asked leaves it to those who did.
    const last = (await ledger.receipts(id)).at(-1);
    assert.equal([last?.state, last?.by], ["lost", "keeper"]);
    const [seed] = await ledger.seeds(session.id);
    assert.ok(seed);
    assert.is(seed.entry.id, id);
    assert.ok(typeof seed.answer === "object" && "accessToken" in seed.answer);
  });

  test("a recorder that comes later catches up, and finds what has died meanwhile", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    await using rpc = await testRuntime.connect();
    const session = await create(rpc, world);
    const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 20_000 });
    await registerInterest(session, "mcp.oauth_required");
    const { data } = await asked;
    const stale = { id: "gone", type: "mcp.oauth_required", data: { ...data, requestId: "gone" } } as const;
    const dead = await ledger.record(pendingRequest(stale, { sessionId: session.id, principal: "eve" }));
    await using recorder = recordPending(rpc, ledger, { principal: async (request) => `of ${request.kind}` });
    const [found, ...more] = await recorder.catchUp(session.id);
    assert.equal([found?.requestId, found?.principal, more.length], [data.requestId, "of mcp.oauth_required", 0]);
    assert.equal(
      (await ledger.receipts(dead.id)).map(({ state }) => state),
      ["open", "lost", "superseded"],
    );
    assert.is((await recorder.catchUp(session.id))[0]?.id, found?.id);
  });

  test("a store that is away is tried again, and said each time", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    await using rpc = await testRuntime.connect();
    let failures = 2;
    const flaky: Ledger = new Proxy(ledger, {
      get(target, name) {
        if (name === "record" && failures-- > 0) {
          return () => Promise.reject(new LedgerError("UNAVAILABLE", "away"));
        }
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    await using recorder = recordPending(rpc, flaky, { kinds: ["mcp.oauth_required"] });
    const told: unknown[] = [];
    recorder.events.on("error", ({ error }) => told.push(error));
    const session = await create(rpc, world);
    const recorded = recorder.events.wait("recorded", { timeoutMs: 20_000 });
    await registerInterest(session, "mcp.oauth_required");
    assert.is((await recorded).state, "open");
    assert.is(told.length, 2);
    await recorder.idle();
  });

  test("an answer in doubt is asked about, never sent blindly", async () => {
    await using world = await openWorld();
    await using ledger = await openLedger(await place.location(), { key });
    await using rpc = await testRuntime.connect();
    await using recorder = recordPending(rpc, ledger, { principal: "ada" });
    const session = await create(rpc, world);
    await using _hold = await hold(rpc, session.id);
    const recorded = recorder.events.wait("recorded", { timeoutMs: 5000 });
    await registerInterest(session, "mcp.oauth_required");
    const { id } = await recorded;
    await broker(ledger);
    // A deliverer that died after its mark: whether it wrote to the wire nobody knows.
    const dead = await ledger.deliver(id, { owner: "dead", leaseMs: 50 });
    assert.ok(dead);
    assert.is(await ledger.deliver(id, { owner: "other" }), undefined);
    const settled = becomes(ledger.watch({ id }), "settled");
    await using _deliverer = deliverAnswers(rpc, ledger, { leaseMs: 400 });
    assert.is((await within(5000, settled, "the resolution")).outcome, "accepted");
    await serverStatus(session, "connected");
    const late = await dead.settle({ accepted: true }).then(
      () => "written",
      (error: Error & { code: string }) => error.code,
    );
    assert.is(late, "FENCED");
  });

  test(
    "a deliverer that is killed at any point gives the runtime its answer once",
    async () => {
      await using world = await openWorld();
      await using rpc = await testRuntime.connect();
      const points = [
        "sent:before",
        "sent:written",
        "sent:committed",
        "deliver:marked",
        "deliver:replied",
        "settled:written",
      ];
      await Promise.all(
        points.map(async (point) => {
          const location = await place.location();
          await using ledger = await openLedger(location, { key });
          const session = await create(rpc, world);
          const completed: string[] = [];
          session.events.on("mcp.oauth_completed", ({ data }) => completed.push(data.requestId));
          const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 20_000 });
          await registerInterest(session, "mcp.oauth_required");
          const context = { sessionId: session.id, endpoint: rpc.endpoint, principal: "ada" };
          const { id, requestId } = await ledger.record(pendingRequest(await asked, context));
          await broker(ledger);
          const { endpoint, token } = testRuntime.runtime;
          await using victim = startScript(join(root, "build/tests/programs/faulty/ledger-deliverer.js"), {
            given: { location, key, endpoint, token, sessionId: session.id, leaseMs: 300 },
            env: { LATCHKEY_FAULT: point },
          });
          assert.is((await within(20_000, victim.exited, "the kill")).signal, "SIGKILL", victim.noise);
          assert.is.not((await ledger.get(id))?.state, "settled", point);
          const settled = becomes(ledger.watch({ id }), "settled");
          await using _next = deliverAnswers(rpc, ledger, { leaseMs: 500 });
          assert.is((await within(10_000, settled, "the next deliverer")).outcome, "accepted", point);
          await serverStatus(session, "connected");
          assert.equal(completed, [requestId], point);
          const states = (await ledger.receipts(id)).map(({ state }) => state);
          assert.equal([...new Set(states)], ["open", "answered", "sent", "settled"], point);
        }),
      );
    },
    { timeoutMs: 60_000 },
  );
}
