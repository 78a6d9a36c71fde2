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
}

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

/** A runtime that has the session loaded and this in its log; it takes every answer. */
function serve(peer: Peer, log: () => Log): void {
  const answer = async (method: string, result: () => unknown): Promise<void> => {
    for (;;) peer.answer(await peer.next(method), result());
  };
  const cursor = (): string => `x|${log().events.length + (log().gone ?? 0)}`;
  void answer("session.eventLog.read", () => ({
    events: log().events,
    cursor: cursor(),
    cursorStatus: "ok",
    hasMore: false,
  }));
  void answer("session.tools.listPendingRequests", () => ({ items: [] }));
  void answer("session.eventLog.tail", () => ({ cursor: cursor() }));
  for (const method of ["mcp.oauth.handlePendingRequest", "permissions.handlePendingPermissionRequest"])
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

const nothing: Record<string, Log> = {
  "whose log is empty and whole": { events: [] },
  "whose log is that of a session of its own": { events: [started("its own")] },
  "whose log has let go of events": { events: [], gone: 5000 },
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
