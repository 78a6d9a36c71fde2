/** What ends a recorder, a deliverer and `keep()` besides their connection: a store that takes nothing more. */
import { rename } from "node:fs/promises";
import { deliverAnswers, keep, recordPending } from "latchkey/keeper";
import { type Ledger, openLedger } from "latchkey/ledger";
import type { Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { holdWriteLock, spoilSchema } from "../support/ledger/raw.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { memoryPair, type Peer, sessionEvent } from "../support/pair.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("a store that takes nothing more");
let place: Place;
test.before(async () => {
  place = await sqlitePlace();
});
test.after(async () => {
  await place[Symbol.asyncDispose]();
});

const asked = (requestId: string) =>
  sessionEvent("s", "mcp.oauth_required", requestId, oauthRequest({ requestId }).data);

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

async function open(): Promise<{ ledger: Ledger; location: string }> {
  const location = await place.location();
  return { ledger: await openLedger(location, { key }), location };
}

interface Ending {
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** Both reject, each time that they are asked. */
async function endsWith(part: Ending, code: string): Promise<void> {
  await rejects(within(10_000, part.closed, "the end"), { code });
  await rejects(part.close(), { code });
}

/** A runtime whose event log has asked for one thing. */
async function serveLog(peer: Peer, requestId: string): Promise<never> {
  const { event } = asked(requestId).params;
  for (;;) {
    const read = await peer.next("session.eventLog.read");
    peer.answer(read, { events: [event], cursor: "load|1", hasMore: false, cursorStatus: "ok" });
  }
}

test("an error that does not pass ends the recorder: `closed` and `close()` reject with it", async () => {
  const { ledger, location } = await open();
  const { rpc, peer } = await memoryPair();
  const recorder = recordPending(rpc, ledger);
  const told = recorder.events.wait("error", { timeoutMs: 10_000 });
  spoilSchema(location);
  peer.send(asked("r"));
  assert.is(codeOf((await told).error), "DATABASE");
  await endsWith(recorder, "DATABASE");
  await rpc.close();
  await ledger.close();
});

test("an error that does not pass ends the deliverer", async () => {
  const { ledger, location } = await open();
  const { rpc } = await memoryPair();
  const deliverer = deliverAnswers(rpc, ledger, { leaseMs: 100 });
  const told = deliverer.events.wait("error", { timeoutMs: 10_000 });
  spoilSchema(location);
  assert.is(codeOf((await told).error), "DATABASE");
  await endsWith(deliverer, "DATABASE");
  await rpc.close();
  await ledger.close();
});

test("an error that does not pass ends keep(), whose connection stays open", async () => {
  const { ledger, location } = await open();
  const { rpc, peer } = await memoryPair();
  const keeping = keep(rpc, ledger);
  await keeping.ready;
  spoilSchema(location);
  peer.send(asked("r"));
  await endsWith(keeping, "DATABASE");
  const ping = rpc.request("ping", {});
  peer.answer(await peer.next("ping"), { message: "", timestamp: 0 });
  await ping;
  await rpc.close();
  await ledger.close();
});

test("more events than `limit` wait for the store: an error says OVERFLOW, and the others are recorded later", async () => {
  const { ledger, location } = await open();
  const { rpc, peer } = await memoryPair();
  await using recorder = recordPending(rpc, ledger, { limit: 2 });
  const overflow = recorder.events.wait("error", { timeoutMs: 10_000 });
  const release = holdWriteLock(location);
  peer.send(asked("one"), asked("two"), asked("three"));
  assert.is(codeOf((await overflow).error), "OVERFLOW");
  release();
  await within(10_000, recorder.idle(), "the two that wait");
  assert.equal((await ledger.list()).map(({ requestId }) => requestId).sort(), ["one", "two"]);
  await rpc.close();
  await ledger.close();
});

/** Each part, and what it says while the store is away. */
const parts: Record<string, (rpc: Rpc, ledger: Ledger, said: (error: unknown) => void) => Ending> = {
  recorder(rpc, ledger, said) {
    const recorder = recordPending(rpc, ledger, { patienceMs: 300 });
    recorder.events.on("error", ({ error }) => said(error));
    return recorder;
  },
  deliverer(rpc, ledger, said) {
    const deliverer = deliverAnswers(rpc, ledger, { patienceMs: 300 });
    deliverer.events.on("error", ({ error }) => said(error));
    return deliverer;
  },
  "keep()"(rpc, ledger, said) {
    const keeping = keep(rpc, ledger, { patienceMs: 300 });
    keeping.events.on("error", ({ error }) => said(error));
    return keeping;
  },
};

for (const [part, start] of Object.entries(parts)) {
  test(`${part}: a store that is away for longer than \`patienceMs\` ends it, and not before`, async () => {
    const { ledger, location } = await open();
    const { rpc, peer } = await memoryPair();
    const said: unknown[] = [];
    const running = start(rpc, ledger, (error) => said.push(codeOf(error)));
    await rename(location, `${location}.aside`);
    const began = performance.now();
    peer.send(asked("r"));
    await endsWith(running, "UNAVAILABLE");
    assert.ok(performance.now() - began >= 250, "it waited");
    assert.ok(said.length > 1 && said.every((code) => code === "UNAVAILABLE"), JSON.stringify(said));
    await rpc.close();
    await ledger.close();
  });
}

test("without `patienceMs` a deliverer waits for the store, and delivers when it is back", async () => {
  const { ledger, location } = await open();
  const { rpc, peer } = await memoryPair();
  serveLog(peer, "r").catch(() => undefined);
  const { id } = await ledger.record(oauthRequest({ sessionId: "s", requestId: "r" }));
  await using deliverer = deliverAnswers(rpc, ledger, { leaseMs: 100 });
  const told = deliverer.events.wait("error", { timeoutMs: 10_000 });
  await rename(location, `${location}.aside`);
  assert.is(codeOf((await told).error), "UNAVAILABLE");
  await rename(`${location}.aside`, location);
  await ledger.answer(id, token("T"));
  const settled = deliverer.events.wait("settled", { timeoutMs: 10_000 });
  const call = await within(10_000, peer.next("session.mcp.oauth.handlePendingRequest"), "the delivery");
  peer.answer(call, { success: true });
  assert.is((await settled).id, id);
  await rpc.close();
  await ledger.close();
});

test("lengths and limits that cannot be counted are refused", async () => {
  const { ledger } = await open();
  const { rpc } = await memoryPair();
  assert.throws(() => recordPending(rpc, ledger, { patienceMs: -1 }), /"patienceMs"/);
  assert.throws(() => recordPending(rpc, ledger, { limit: 0 }), /"limit"/);
  assert.throws(() => deliverAnswers(rpc, ledger, { patienceMs: Number.NaN }), /"patienceMs"/);
  await rpc.close();
  await ledger.close();
});

test("a lease that no delivery has is refused before anything starts", async () => {
  const { ledger } = await open();
  const { rpc } = await memoryPair();
  const noLease = [Number.POSITIVE_INFINITY, Number.NaN, 0, -1, 0.5, 2 ** 31, "1000", null];
  for (const leaseMs of noLease)
    await rejects(() => Reflect.apply(deliverAnswers, undefined, [rpc, ledger, { leaseMs }]), { type: TypeError });
  await rpc.close();
  await ledger.close();
});
