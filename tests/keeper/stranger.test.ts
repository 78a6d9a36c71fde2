/** Runtimes that did not ask: whoever took a dead one's port, and a second one on the same ledger. */
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import type { Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { oauthRequest, permissionRequest, token } from "../support/ledger/requests.js";
import { memoryPair, type Peer, sessionEvent, trapStrayRejections } from "../support/pair.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("A runtime that did not ask", { timeoutMs: 20_000 });
trapStrayRejections(test);

type Logged = ReturnType<typeof sessionEvent>["params"]["event"];

interface Log {
  readonly events: readonly Logged[];
  /** It has let go of so many events. */
  readonly gone?: number;
  /** The ids of external tool calls that it lists as waiting. */
  readonly tools?: readonly string[];
}

const completedIn = (requestId: string): Logged =>
  sessionEvent("s", "mcp.oauth_completed", `end of ${requestId}`, { requestId }).params.event;
const started = (id: string): Logged => sessionEvent("s", "session.start", id).params.event;

/** The event that asked, as a runtime tells it. */
function askedIn({ kind, sessionId, requestId, data, anchor }: Asked): Logged {
  const event = { ...sessionEvent(sessionId, kind, requestId, { ...data, requestId }).params.event };
  return Object.assign(event, { parentId: anchor ?? null });
}

interface Asked {
  readonly kind: string;
  readonly sessionId: string;
  readonly requestId: string;
  readonly data: object;
  readonly anchor?: string;
}

/** A runtime that has the session loaded and this in its log; it takes every answer. `types` is what a reading asks for. */
function serve(peer: Peer, log: (types?: unknown) => Log | Promise<Log>): void {
  const answer = async (method: string, result: (types?: unknown) => unknown): Promise<void> => {
    for (;;) {
      const request = await peer.next(method);
      peer.answer(request, await result(request.params?.types));
    }
  };
  const cursor = ({ events, gone = 0 }: Log): string => `x|${events.length + gone}`;
  void answer("session.eventLog.read", async (types) => {
    const found = await log(types);
    return { events: found.events, cursor: cursor(found), cursorStatus: "ok", hasMore: false };
  });
  void answer("session.tools.listPendingRequests", async () => ({
    items: ((await log()).tools ?? []).map((requestId) => ({ requestId, toolCallId: requestId, toolName: "t" })),
  }));
  void answer("session.eventLog.tail", async () => ({ cursor: cursor(await log()) }));
  for (const method of [
    "mcp.oauth.handlePendingRequest",
    "permissions.handlePendingPermissionRequest",
    "tools.handlePendingToolCall",
  ])
    void answer(`session.${method}`, () => ({ success: true }));
}

const answers = (peer: Peer) => peer.received.filter(({ method }) => method?.includes("handlePending"));

async function testRuntime(run: (at: { ledger: Ledger; rpc: Rpc; peer: Peer }) => Promise<void>): Promise<void> {
  await using ledger = await openLedger(":memory:");
  const { rpc, peer } = await memoryPair();
  try {
    await run({ ledger, rpc, peer });
  } finally {
    await rpc.close();
  }
}

async function answered(ledger: Ledger, anchor?: string): Promise<Entry> {
  const { id } = await ledger.record(oauthRequest({ sessionId: "s", requestId: "asked" }), { anchor });
  return await ledger.answer(id, token("SECRET"));
}

const another = askedIn(oauthRequest({ sessionId: "s", requestId: "another" }));
const nothing: Record<string, Log> = {
  "whose log is empty and whole": { events: [] },
  "whose log is that of a session of its own": { events: [started("its own")] },
  "whose log has let go of events": { events: [], gone: 5000 },
  "whose log shows another request of the same kind, and has let go of events": { events: [another], gone: 5000 },
  "whose log shows what the session had before and has let go of events": { events: [started("before")], gone: 5000 },
};
for (const [what, log] of Object.entries(nothing)) {
  test(`gets no token, and ends nobody's request: one ${what}`, () =>
    testRuntime(async ({ ledger, rpc, peer }) => {
      serve(peer, () => log);
      const { id } = await answered(ledger, "before");
      await using deliverer = deliverAnswers(rpc, ledger, { leaseMs: 200 });
      const parked = await within(5000, deliverer.events.wait("parked"), "the parking");
      assert.is(parked.id, id);
      // Whatever it says of the session, and however often it is looked at.
      peer.send(sessionEvent("s", "session.info", "info"));
      await within(5000, deliverer.events.wait("parked"), "the parking again");
      assert.equal(answers(peer), []);
      assert.equal((await ledger.get(id))?.state, "answered");
    }));
}

test("a request that outlives its load is given to the one that shows it only", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const entry = await ledger.record(permissionRequest({ sessionId: "s" }));
    await ledger.answer(entry.id, { kind: "approve-once" });
    let log: Log = { events: [] };
    serve(peer, () => log);
    await using deliverer = deliverAnswers(rpc, ledger, { leaseMs: 200 });
    await within(5000, deliverer.events.wait("parked"), "the parking");
    assert.equal(answers(peer), []);
    log = { events: [askedIn({ ...entry, data: entry.data })] };
    const settled = deliverer.events.wait("settled");
    peer.send(sessionEvent("s", "session.resume", "resumed"));
    peer.send(sessionEvent("s", entry.kind, "again", { ...entry.data }));
    assert.is((await within(5000, settled, "the delivery")).outcome, "accepted");
  }));

test("the one that asked is known by its log, or by having asked over this connection", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const [shown, heard] = [
      await ledger.record(oauthRequest({ sessionId: "s", requestId: "shown" })),
      await ledger.record(oauthRequest({ sessionId: "t", requestId: "heard" })),
    ];
    let log: Log = { events: [askedIn(shown)], gone: 5000 };
    serve(peer, () => log);
    await using deliverer = deliverAnswers(rpc, ledger);
    peer.send(sessionEvent("t", heard.kind, "heard", { ...heard.data }));
    // Another session's request of the same id is not this one.
    peer.send(sessionEvent("u", heard.kind, "shown", { ...heard.data, requestId: "shown" }));
    const settled = deliverer.events.wait("settled", { where: ({ id }) => id === shown.id });
    await ledger.answer(shown.id, token("SECRET"));
    assert.is((await within(5000, settled, "the delivery")).outcome, "accepted");
    log = { events: [], gone: 5000 };
    const other = deliverer.events.wait("settled", { where: ({ id }) => id === heard.id });
    const late = await ledger.get(heard.id);
    if (late?.state === "open") await ledger.answer(heard.id, token("SECRET"));
    assert.is((await within(5000, other, "the second delivery")).outcome, "accepted");
  }));

test("what the log shows of another request is not said of this one", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const entry = await answered(ledger);
    serve(peer, () => ({ events: [askedIn(entry), another, completedIn("another")], gone: 5000 }));
    await using deliverer = deliverAnswers(rpc, ledger);
    assert.is((await within(5000, deliverer.events.wait("settled"), "the delivery")).outcome, "accepted");
    assert.is(answers(peer).length, 1);
  }));

test("a request that the log shows as completed is settled elsewhere, and given nothing", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const entry = await answered(ledger);
    serve(peer, () => ({ events: [askedIn(entry), completedIn("asked")] }));
    await using deliverer = deliverAnswers(rpc, ledger);
    const settled = await within(5000, deliverer.events.wait("settled"), "the end");
    assert.equal([settled.id, settled.outcome], [entry.id, "elsewhere"]);
    assert.equal(answers(peer), []);
  }));

test("a completed request is not told as settled while another deliverer has yet to hear", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const entry = await answered(ledger);
    serve(peer, async () => {
      await ledger.deliver(entry.id, { owner: "another" });
      return { events: [askedIn(entry), completedIn("asked")] };
    });
    const sent = ledger.watch({ state: "sent" }).next();
    await using deliverer = deliverAnswers(rpc, ledger);
    const settled: Entry[] = [];
    deliverer.events.on("settled", (each) => settled.push(each));
    await within(5000, sent, "the other's sending");
    await deliverer.close();
    assert.equal(settled, []);
    assert.is((await ledger.get(entry.id))?.state, "sent");
  }));

test("a request that comes into the log between two readings is given its answer", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const entry = await answered(ledger);
    serve(peer, (types) => ({ events: types === undefined ? [askedIn(entry)] : [], gone: 5000 }));
    await using deliverer = deliverAnswers(rpc, ledger);
    assert.is((await within(5000, deliverer.events.wait("settled"), "the delivery")).outcome, "accepted");
  }));

test("an external tool call is known by the runtime's list of those that wait, and by its own id there", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const event = { type: "external_tool.requested", data: { requestId: "call", toolCallId: "c", toolName: "t" } };
    const { id } = await ledger.record(pendingRequest(event, { sessionId: "s", principal: "ada" }));
    await ledger.answer(id, { result: "done" });
    let tools = ["another call"];
    serve(peer, () => ({ events: [], tools }));
    await using deliverer = deliverAnswers(rpc, ledger, { leaseMs: 200 });
    await within(5000, deliverer.events.wait("parked"), "the parking");
    assert.equal(answers(peer), []);
    tools = ["another call", "call"];
    const settled = deliverer.events.wait("settled");
    peer.send(sessionEvent("s", "external_tool.requested", "again", event.data));
    assert.is((await within(5000, settled, "the delivery")).outcome, "accepted");
  }));

test("the same session in a later load ends the requests of the earlier one", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    serve(peer, () => ({ events: [started("before"), started("resumed")] }));
    const { id } = await answered(ledger, "before");
    await using deliverer = deliverAnswers(rpc, ledger);
    assert.is((await within(5000, deliverer.events.wait("lost"), "the loss")).id, id);
    assert.equal(answers(peer), []);
  }));

test("catching up ends what the same session asked in an earlier load, and nothing of another", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    serve(peer, () => ({ events: [started("before")] }));
    const ask = async (requestId: string, anchor: string | undefined, endpoint?: string) => {
      const asking = { sessionId: "s", requestId, serverName: requestId, ...(endpoint && { endpoint }) };
      return await ledger.record(oauthRequest(asking), { anchor });
    };
    const [mine, theirs] = [await ask("mine", "before"), await ask("theirs", "elsewhere")];
    const [here, there] = [await ask("here", undefined), await ask("there", undefined, "tcp://127.0.0.1:1")];
    await using recorder = recordPending(rpc, ledger);
    await recorder.catchUp("s");
    const states = await Promise.all([mine, theirs, here, there].map(async ({ id }) => (await ledger.get(id))?.state));
    assert.equal(states, ["lost", "open", "lost", "open"]);
  }));

test("catching up settles what the log shows as completed, and leaves what it shows as waiting", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    const asking = { sessionId: "s", requestId: "waiting", serverName: "waiting" };
    const waiting = await ledger.record(oauthRequest(asking));
    const over = await ledger.record(oauthRequest({ ...asking, requestId: "over", serverName: "over" }));
    serve(peer, () => ({ events: [askedIn(waiting), askedIn(over), completedIn("over")] }));
    await using recorder = recordPending(rpc, ledger, { principal: "ada" });
    await recorder.catchUp("s");
    const after = await Promise.all([waiting, over].map(async ({ id }) => await ledger.get(id)));
    assert.equal(
      after.map((entry) => [entry?.state, entry?.outcome]),
      [
        ["open", undefined],
        ["settled", "elsewhere"],
      ],
    );
  }));

test("a recorder notes the place in the log where a request stands", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    await using recorder = recordPending(rpc, ledger, { principal: "ada" });
    const recorded = recorder.events.wait("recorded");
    const { kind, sessionId, requestId, data } = oauthRequest({ sessionId: "s" });
    const event = askedIn({ kind, sessionId, requestId, data, anchor: "before" });
    peer.send({ jsonrpc: "2.0", method: "session.event", params: { sessionId, event } });
    assert.is((await within(5000, recorded, "the record")).anchor, "before");
  }));

test("a blank principal is refused before anything is recorded, and one that a function gives is told", () =>
  testRuntime(async ({ ledger, rpc, peer }) => {
    for (const principal of ["", "  "]) {
      assert.throws(
        () => recordPending(rpc, ledger, { principal }),
        (error: unknown) => error instanceof TypeError,
      );
      await using recorder = recordPending(rpc, ledger, { principal: () => principal });
      const failed = recorder.events.wait("error");
      const { kind, sessionId, requestId, data } = oauthRequest({ sessionId: "s" });
      const event = askedIn({ kind, sessionId, requestId, data });
      peer.send({ jsonrpc: "2.0", method: "session.event", params: { sessionId, event } });
      assert.instance((await within(5000, failed, "the error")).error, TypeError);
    }
    assert.equal(await ledger.list(), []);
    await rejects(
      async () => pendingRequest({ type: "exit_plan_mode.requested", data: {} }, { sessionId: "s", principal: "" }),
      TypeError,
    );
  }));
