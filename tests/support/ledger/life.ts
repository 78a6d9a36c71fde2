import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite, within } from "../suite.js";
import { key, type Place } from "./place.js";
import { oauthRequest, permissionRequest, token } from "./requests.js";

/** What every engine promises for the life of an entry: deliveries, losses, successors, refusals, watching. */
export function lifeTests(test: Suite, place: () => Place): void {
  const open = async (): Promise<Ledger> => await openLedger(await place().location(), { key });
  const lapse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const states = async (ledger: Ledger, id: string) => (await ledger.receipts(id)).map(({ state }) => state);

  test("marks an answer sent before it is handed out, and hands it out once", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    assert.is(await ledger.deliver(id, { owner: "keeper" }), undefined);
    await ledger.answer(id, token("A"));
    const delivery = await ledger.deliver(id, { owner: "keeper" });
    assert.equal(delivery?.answer, token("A"));
    assert.is(delivery?.inDoubt, false);
    assert.is((await ledger.get(id))?.state, "sent");
    assert.is(await ledger.deliver(id, { owner: "other" }), undefined);
    const settled = await delivery?.settle({ accepted: true });
    assert.is(settled?.outcome, "accepted");
    assert.equal(await delivery?.settle({ accepted: true }), settled);
    assert.equal(await states(ledger, id), ["open", "answered", "sent", "settled"]);
    assert.equal(await ledger.answer(id, token("A")), settled);
    await rejects(ledger.answer(id, token("B")), { code: "CONFLICT" });
  });

  test("marks nothing when the answer is not wanted, or when that cannot be told", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    const asked: boolean[] = [];
    const wanted = (is: boolean) => async () => {
      asked.push(is);
      return is;
    };
    assert.is(await ledger.deliver(id, { owner: "keeper", wanted: wanted(true) }), undefined);
    assert.equal(asked, [], "there is no answer that could be wanted");
    await ledger.answer(id, token("A"));
    assert.is(await ledger.deliver(id, { owner: "keeper", wanted: wanted(false) }), undefined);
    const untold = ledger.deliver(id, {
      owner: "keeper",
      wanted: () => Promise.reject(new RangeError("nobody knows")),
    });
    await rejects(untold, { name: "RangeError" });
    assert.equal(await states(ledger, id), ["open", "answered"]);
    assert.equal((await ledger.deliver(id, { owner: "keeper", wanted: wanted(true) }))?.answer, token("A"));
    assert.equal(asked, [false, true]);
  });

  test("gives an answer in doubt again only under a higher fence", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    await ledger.answer(id, token("A"));
    const dead = await ledger.deliver(id, { owner: "dead", leaseMs: 40 });
    assert.ok(dead);
    await dead.extend();
    await lapse(70);
    const next = await ledger.deliver(id, { owner: "next" });
    assert.ok(next?.inDoubt);
    assert.ok(next.fence > dead.fence);
    await rejects(dead.settle({ accepted: true }), { code: "FENCED" });
    await rejects(dead.extend(), { code: "FENCED" });
    assert.is((await next.settle({ accepted: false, completed: true })).outcome, "accepted-before");
    const fences = (await ledger.receipts(id)).filter(({ state }) => state === "sent").map(({ fence }) => fence);
    assert.equal(fences, [dead.fence, next.fence]);
  });

  test("finds a name for every refusal of the runtime", async () => {
    await using ledger = await open();
    const send = async (asking: Parameters<typeof oauthRequest>[0] = {}, expiresAt?: Date) => {
      const { id } = await ledger.record(oauthRequest(asking), { expiresAt });
      await ledger.answer(id, token("A"));
      const delivery = await ledger.deliver(id, { owner: "keeper" });
      assert.ok(delivery);
      return delivery;
    };
    const principal = "p1";
    assert.is((await (await send({ principal })).settle({ accepted: false, completed: true })).outcome, "conflict");
    const unknown = await send({ principal: "p2" });
    assert.is((await unknown.settle({ accepted: false, reason: "gone" })).outcome, "unknown");
    assert.is((await ledger.receipts(unknown.entry.id)).at(-1)?.reason, "gone");
    const expired = await send({ principal: "p3" }, new Date(Date.now() + 1000));
    await lapse(1050);
    assert.is((await expired.settle({ accepted: false })).outcome, "expired");
    const superseded = await send({ principal: "p4", sessionId: "s" });
    await lapse(5);
    await ledger.record(oauthRequest({ principal: "p4", sessionId: "s" }));
    assert.is((await superseded.settle({ accepted: false })).outcome, "superseded");
  });

  test("settles by the completed event", async () => {
    await using ledger = await open();
    const complete = async (entry: Entry) => await ledger.completed(entry);
    const open1 = await ledger.record(oauthRequest());
    assert.is((await complete(open1))?.outcome, "elsewhere");
    await rejects(ledger.answer(open1.id, token("A")), { code: "CONFLICT" });
    const answered = await ledger.record(oauthRequest());
    await ledger.answer(answered.id, token("A"));
    assert.is((await complete(answered))?.outcome, "elsewhere");
    const live = await ledger.record(oauthRequest({ principal: "bob" }));
    await ledger.answer(live.id, token("A"));
    const delivery = await ledger.deliver(live.id, { owner: "keeper" });
    assert.is((await complete(live))?.state, "sent");
    await delivery?.extend(1);
    await lapse(10);
    // Its sender died; the event that was seen meanwhile tells.
    assert.is(await ledger.deliver(live.id, { owner: "next" }), undefined);
    assert.is((await ledger.get(live.id))?.outcome, "accepted");
    assert.is((await delivery?.settle({ accepted: true }))?.outcome, "accepted");
    assert.is(await ledger.completed({ kind: "mcp.oauth_required", sessionId: "s", requestId: "r" }), undefined);
  });

  test("a request asked again supersedes the earlier one and takes its answer over", async () => {
    await using ledger = await open();
    const asking = { sessionId: "s" };
    const first = await ledger.record(oauthRequest(asking));
    const claim = await ledger.claim({}, { owner: "broker" });
    const [lost] = await ledger.lost("s");
    assert.is(lost?.state, "lost");
    assert.is(await claim?.wanted(), false);
    assert.is(await ledger.claim({}, { owner: "other" }), undefined);
    // The person finished although the asker was gone: what was obtained is kept.
    assert.is((await claim?.answer(token("A")))?.state, "lost");
    const second = await ledger.record(oauthRequest(asking));
    assert.is(second.state, "answered");
    const old = await ledger.get(first.id);
    assert.equal([old?.state, old?.successor], ["superseded", second.id]);
    const third = await ledger.record(oauthRequest({ ...asking, scope: "other" }));
    assert.is(third.state, "open");
    assert.equal(await states(ledger, second.id), ["open", "answered", "lost", "superseded"]);
    assert.equal([(await ledger.get(second.id))?.successor], [third.id]);
  });

  test("requests that outlive the runtime go on as they are", async () => {
    await using ledger = await open();
    const asking = { sessionId: "s", toolCallId: "call" };
    const first = await ledger.record(permissionRequest(asking));
    const second = await ledger.record(permissionRequest(asking));
    assert.equal(await ledger.lost("s"), []);
    assert.is((await ledger.get(first.id))?.state, "open");
    assert.is((await ledger.get(second.id))?.state, "open");
    assert.is((await ledger.lost("s", { all: true, only: [first.id] })).length, 1);
    assert.is((await ledger.get(second.id))?.state, "open");
  });

  test("knows by the epoch which requests an earlier load asked", async () => {
    await using ledger = await open();
    const ask = async (epoch: string, serverName: string) =>
      await ledger.record(oauthRequest({ sessionId: "s", serverName }), { epoch });
    const first = await ask("e1", "a");
    await lapse(5);
    const second = await ask("e2", "b");
    assert.is((await ledger.get(first.id))?.state, "lost");
    await lapse(5);
    assert.is((await ask("e1", "c")).state, "lost");
    assert.is((await ledger.get(second.id))?.state, "open");
    assert.is((await ledger.lost("s", { epoch: "e3" })).length, 1);
  });

  test("what was sent to a load that is gone is settled as unknown", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s" }));
    await ledger.answer(id, token("A"));
    await ledger.deliver(id, { owner: "keeper" });
    const [settled] = await ledger.lost("s");
    assert.equal([settled?.state, settled?.outcome], ["settled", "unknown"]);
  });

  test("a refused token serves nobody any more; a newer one serves those who had the old one", async () => {
    await using ledger = await open();
    const ask = async (sessionId: string, reason: string) => await ledger.record(oauthRequest({ sessionId, reason }));
    const deliver = async (entry: Entry) => {
      const delivery = await ledger.deliver(entry.id, { owner: "keeper" });
      await delivery?.settle({ accepted: true });
      return delivery?.answer;
    };
    const [a1, b1] = [await ask("a", "initial"), await ask("b", "initial")];
    await ledger.answer(a1.id, token("OLD"));
    assert.equal([await deliver(a1), await deliver(b1)], [token("OLD"), token("OLD")]);
    const a2 = await ask("a", "refresh");
    assert.is(a2.state, "open");
    assert.is((await ask("c", "initial")).state, "open");
    await ledger.answer(a2.id, token("NEW"));
    const b2 = await ask("b", "refresh");
    assert.is(b2.state, "answered");
    assert.equal(await deliver(b2), token("NEW"));
    assert.is((await ask("b", "refresh")).state, "open");
    assert.is((await ask("d", "initial")).state, "open");
  });

  test("a refusal is not about an answer that was never sent", async () => {
    await using ledger = await open();
    const ask = async (reason: string) => await ledger.record(oauthRequest({ sessionId: "s", reason }));
    const first = await ask("initial");
    await ledger.answer(first.id, token("A"));
    assert.is((await ask("refresh")).state, "answered");
    await ledger.refuse(first.id);
    assert.is((await ask("initial")).state, "open");
  });

  test("seeds a session with good answers, and knows that it was given them", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s", clientSecret: "SECRET-1" }));
    assert.equal(await ledger.seeds("s"), []);
    await ledger.answer(id, token("A", 3600));
    const [seed] = await ledger.seeds("s", { principal: "ada" });
    assert.equal(seed?.answer, token("A", 3600));
    assert.is(JSON.stringify(seed?.request.secrets.reveal()).includes("SECRET-1"), true);
    assert.ok(seed?.expiresAt && seed.expiresAt.getTime() > Date.now() + 3_500_000);
    assert.equal(await ledger.seeds("s", { principal: "bob" }), []);
    await seed.given();
    assert.is((await ledger.record(oauthRequest({ sessionId: "s", reason: "refresh" }))).state, "open");
    assert.equal(await ledger.seeds("s"), []);
  });

  test("settles what was lost once the session is loaded with its answer", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s" }));
    const other = await ledger.record(oauthRequest({ sessionId: "s", serverName: "other", principal: "bob" }));
    await ledger.answer(id, token("A"));
    await ledger.lost("s");
    const [seed] = await ledger.seeds("s");
    assert.is((await ledger.get(id))?.state, "lost", "not before it is given");
    await seed?.given();
    const settled = await ledger.get(id);
    assert.equal([settled?.state, settled?.outcome], ["settled", "seeded"]);
    assert.is((await ledger.get(other.id))?.state, "lost");
    // The next load needs the answer as much as this one.
    await ledger.lost("s");
    assert.is((await ledger.seeds("s")).length, 1);
    await (await ledger.seeds("s"))[0]?.given();
    assert.equal(await states(ledger, id), ["open", "answered", "lost", "settled"]);
    // Refused after all: the question comes again, and is a new one.
    const again = await ledger.record(oauthRequest({ sessionId: "s", reason: "reauth" }));
    assert.is(again.state, "open");
    assert.is((await ledger.get(id))?.state, "settled");
  });

  test("fifty sessions of one principal cost one acquisition", async () => {
    await using ledger = await open();
    await Promise.all(Array.from({ length: 50 }, async () => await ledger.record(oauthRequest())));
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.is(claim?.entries.length, 50);
    await claim?.answer(token("A"));
    assert.is((await ledger.list({ state: "answered" })).length, 50);
    assert.is(await ledger.claim({}, { owner: "broker" }), undefined);
  });

  test("shows every transition once, in order, to watchers of other connections too", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using other = await openLedger(location, { key });
    const seen: string[] = [];
    let cursor: string | undefined;
    const controller = new AbortController();
    const watching = (async () => {
      for await (const entry of other.watch({}, { signal: controller.signal })) {
        seen.push(`${entry.sessionId} ${entry.state}`);
        cursor = entry.cursor;
        if (seen.length === 3) break;
      }
    })();
    const first = await ledger.record(oauthRequest({ sessionId: "a" }));
    await ledger.record(oauthRequest({ sessionId: "b", principal: "bob" }));
    await ledger.answer(first.id, token("A"));
    await within(3000, watching, "the watch");
    assert.equal(seen, ["a open", "b open", "a answered"]);
    const delivery = await ledger.deliver(first.id, { owner: "keeper" });
    await delivery?.settle({ accepted: true });
    await ledger.cancel((await ledger.list({ sessionId: "b" }))[0]?.id ?? "");
    for await (const entry of ledger.watch({}, { after: cursor })) {
      seen.push(`${entry.sessionId} ${entry.state} ${entry.outcome ?? ""}`.trim());
      if (seen.length === 6) break;
    }
    assert.equal(seen.slice(3), ["a sent", "a settled accepted", "b cancelled"]);
    const reason = new Error("enough");
    const aborted = other.watch({ state: "lost" }, { signal: controller.signal }).next();
    controller.abort(reason);
    assert.is(await rejects(aborted), reason);
  });

  test("a watcher sees an entry run out though nobody else looks", async () => {
    await using ledger = await open();
    const watching = ledger.watch({ state: "expired" }).next();
    const { id } = await ledger.record(oauthRequest(), { expiresAt: new Date(Date.now() + 80) });
    assert.is((await within(3000, watching, "the expiry")).value?.id, id);
    assert.is((await ledger.receipts(id)).length, 2);
  });

  test("ends its watches when it is closed", async () => {
    const ledger = await open();
    const watching = ledger.watch().next();
    await ledger.close();
    assert.is((await within(3000, watching, "the end")).done, true);
    await rejects(ledger.list(), { code: "UNAVAILABLE" });
  });

  test("prunes what is over and keeps receipts as long as asked; fences go on", async () => {
    await using ledger = await open();
    const old = await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker" });
    await claim?.cancel();
    const open1 = await ledger.record(oauthRequest({ principal: "bob" }));
    await lapse(20);
    assert.equal(await ledger.prune({ entriesMs: 60_000 }), { entries: 0, receipts: 0 });
    assert.equal(await ledger.prune({ entriesMs: 0 }), { entries: 1, receipts: 0 });
    assert.is(await ledger.get(old.id), undefined);
    assert.is((await ledger.get(open1.id))?.state, "open");
    assert.is((await ledger.receipts(old.id)).length, 2);
    assert.equal(await ledger.prune({ entriesMs: 0, receiptsMs: 0 }), { entries: 0, receipts: 2 });
    await ledger.record(oauthRequest());
    const again = await ledger.claim({ principal: "ada" }, { owner: "broker" });
    assert.ok(again && claim && again.fence > claim.fence);
    await rejects(claim.answer(token("A")), { code: "FENCED" });
  });
}
