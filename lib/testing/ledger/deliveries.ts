/** Giving an answer to the runtime, and what its reply, its events and its silence mean. */
import assert from "node:assert/strict";
import type { Entry } from "../../ledger/index.js";
import { type Asking, elsewhere, token } from "./asking.js";
import { type Cases, history, lapse } from "./given.js";

export const deliveryCases: Cases = {
  async "marks an answer sent before it is handed out, and hands it out once"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    assert.equal(await ledger.deliver(id, { owner: "keeper" }), undefined);
    await ledger.answer(id, token("A"));
    const delivery = await ledger.deliver(id, { owner: "keeper" });
    assert.deepEqual(delivery?.answer, token("A"));
    assert.equal(delivery?.inDoubt, false);
    assert.equal((await ledger.get(id))?.state, "sent");
    assert.equal(await ledger.deliver(id, { owner: "other" }), undefined);
    const settled = await delivery?.settle({ accepted: true });
    assert.equal(settled?.outcome, "accepted");
    assert.deepEqual(await delivery?.settle({ accepted: true }), settled);
    assert.deepEqual(await history(ledger, id), ["open", "answered", "sent", "settled"]);
    assert.deepEqual(await ledger.answer(id, token("A")), settled);
    await assert.rejects(ledger.answer(id, token("B")), { code: "CONFLICT" });
  },

  async "marks nothing when the answer is not wanted, or when that cannot be told"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    const asked: boolean[] = [];
    const wanted = (is: boolean) => async () => {
      asked.push(is);
      return is;
    };
    assert.equal(await ledger.deliver(id, { owner: "keeper", wanted: wanted(true) }), undefined);
    assert.deepEqual(asked, [], "there is no answer that could be wanted");
    await ledger.answer(id, token("A"));
    assert.equal(await ledger.deliver(id, { owner: "keeper", wanted: wanted(false) }), undefined);
    const untold = ledger.deliver(id, {
      owner: "keeper",
      wanted: () => Promise.reject(new RangeError("nobody knows")),
    });
    await assert.rejects(untold, { name: "RangeError" });
    assert.deepEqual(await history(ledger, id), ["open", "answered"]);
    assert.deepEqual((await ledger.deliver(id, { owner: "keeper", wanted: wanted(true) }))?.answer, token("A"));
    assert.deepEqual(asked, [false, true]);
  },

  async "gives an answer in doubt again only under a higher fence"({ open, oauthRequest }) {
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
    await assert.rejects(dead.settle({ accepted: true }), { code: "FENCED" });
    await assert.rejects(dead.extend(), { code: "FENCED" });
    assert.equal((await next.settle({ accepted: false, completed: true })).outcome, "accepted-before");
    const fences = (await ledger.receipts(id)).filter(({ state }) => state === "sent").map(({ fence }) => fence);
    assert.deepEqual(fences, [dead.fence, next.fence]);
  },

  async "finds a name for every refusal of the runtime"({ open, oauthRequest }) {
    await using ledger = await open();
    const send = async (asking: Asking = {}, expiresAt?: Date) => {
      const { id } = await ledger.record(oauthRequest(asking), { expiresAt });
      await ledger.answer(id, token("A"));
      const delivery = await ledger.deliver(id, { owner: "keeper" });
      assert.ok(delivery);
      return delivery;
    };
    const principal = "p1";
    assert.equal((await (await send({ principal })).settle({ accepted: false, completed: true })).outcome, "conflict");
    const unknown = await send({ principal: "p2" });
    assert.equal((await unknown.settle({ accepted: false, reason: "gone" })).outcome, "unknown");
    assert.equal((await ledger.receipts(unknown.entry.id)).at(-1)?.reason, "gone");
    const expired = await send({ principal: "p3" }, new Date(Date.now() + 1000));
    await lapse(1050);
    assert.equal((await expired.settle({ accepted: false })).outcome, "expired");
    const superseded = await send({ principal: "p4", sessionId: "s" });
    await lapse(5);
    await ledger.record(oauthRequest({ principal: "p4", sessionId: "s" }));
    assert.equal((await superseded.settle({ accepted: false })).outcome, "superseded");
  },

  async "settles by the completed event"({ open, oauthRequest }) {
    await using ledger = await open();
    const complete = async (entry: Entry) => await ledger.completed(entry);
    const open1 = await ledger.record(oauthRequest());
    assert.equal((await complete(open1))?.outcome, "elsewhere");
    await assert.rejects(ledger.answer(open1.id, token("A")), { code: "CONFLICT" });
    const answered = await ledger.record(oauthRequest());
    await ledger.answer(answered.id, token("A"));
    assert.equal((await complete(answered))?.outcome, "elsewhere");
    const live = await ledger.record(oauthRequest({ principal: "bob" }));
    await ledger.answer(live.id, token("A"));
    const delivery = await ledger.deliver(live.id, { owner: "keeper" });
    assert.equal((await complete(live))?.state, "sent");
    await delivery?.extend(1);
    await lapse(10);
    // Its sender died; the event that was seen meanwhile tells.
    assert.equal(await ledger.deliver(live.id, { owner: "next" }), undefined);
    assert.equal((await ledger.get(live.id))?.outcome, "accepted");
    assert.equal((await delivery?.settle({ accepted: true }))?.outcome, "accepted");
    assert.equal(await ledger.completed({ kind: "mcp.oauth_required", sessionId: "s", requestId: "r" }), undefined);
  },

  async "a refused token serves nobody any more; a newer one serves those who had the old one"({ open, oauthRequest }) {
    await using ledger = await open();
    const ask = async (sessionId: string, reason: string) => await ledger.record(oauthRequest({ sessionId, reason }));
    const deliver = async (entry: Entry) => {
      const delivery = await ledger.deliver(entry.id, { owner: "keeper" });
      await delivery?.settle({ accepted: true });
      return delivery?.answer;
    };
    const [a1, b1] = [await ask("a", "initial"), await ask("b", "initial")];
    await ledger.answer(a1.id, token("OLD"));
    assert.deepEqual([await deliver(a1), await deliver(b1)], [token("OLD"), token("OLD")]);
    const a2 = await ask("a", "refresh");
    assert.equal(a2.state, "open");
    assert.equal((await ask("c", "initial")).state, "open");
    await ledger.answer(a2.id, token("NEW"));
    const b2 = await ask("b", "refresh");
    assert.equal(b2.state, "answered");
    assert.deepEqual(await deliver(b2), token("NEW"));
    assert.equal((await ask("b", "refresh")).state, "open");
    assert.equal((await ask("d", "initial")).state, "open");
  },

  async "a refusal is not about an answer that was never sent"({ open, oauthRequest }) {
    await using ledger = await open();
    const ask = async (reason: string) => await ledger.record(oauthRequest({ sessionId: "s", reason }));
    const first = await ask("initial");
    await ledger.answer(first.id, token("A"));
    assert.equal((await ask("refresh")).state, "answered");
    await ledger.refuse(first.id);
    assert.equal((await ask("initial")).state, "open");
  },

  async "a completed event is about one session's one request"({ open, permissionRequest }) {
    await using ledger = await open();
    const ids = new Map<string, string>();
    for (const [sessionId, requestId] of [
      ["s1", "r2"],
      ["s2", "r1"],
      ["s1", "r1"],
    ] as const) {
      const asked = { ...permissionRequest({ sessionId, requestId }) };
      ids.set(`${sessionId} ${requestId}`, (await ledger.record(asked)).id);
    }
    const over = await ledger.completed({ kind: "permission.requested", sessionId: "s1", requestId: "r1" });
    assert.equal(over?.id, ids.get("s1 r1"));
    const open1 = (await ledger.list({ state: "open" })).map(({ id }) => id);
    assert.deepEqual(new Set(open1), new Set([ids.get("s1 r2"), ids.get("s2 r1")]));
  },

  async "an answer was sent to those that it was sent to: a refusal by others says nothing about it"({
    open,
    oauthRequest,
  }) {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s1" }));
    await ledger.record(oauthRequest({ sessionId: "s2" }));
    await ledger.answer(first.id, token("A"));
    await (await ledger.deliver(first.id, { owner: "keeper" }))?.settle({ accepted: true });
    const again = await ledger.record(oauthRequest({ sessionId: "s2", reason: "refresh" }));
    assert.equal(again.state, "answered", "the second session never had it");
    const refused = await ledger.record(oauthRequest({ sessionId: "s1", reason: "refresh" }));
    assert.equal(refused.state, "open");
  },

  async "of two answers to one question the one that was sent is refused"({ open, oauthRequest }) {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s1" }));
    await ledger.answer(first.id, token("OLD"));
    await ledger.lost("s1");
    await ledger.answer(first.id, token("NEW"));
    const second = await ledger.record(oauthRequest({ sessionId: "s1" }));
    assert.deepEqual((await ledger.deliver(second.id, { owner: "keeper" }))?.answer, token("NEW"));
    const third = await ledger.record(oauthRequest({ sessionId: "s1", reason: "refresh" }));
    assert.deepEqual((await ledger.deliver(third.id, { owner: "keeper" }))?.answer, token("OLD"));
  },

  async "a delivery that was overtaken in time is settled by the completed event"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id, kind, sessionId, requestId } = await ledger.record(oauthRequest());
    await ledger.answer(id, token("A"));
    await ledger.deliver(id, { owner: "dead", leaseMs: 20 });
    await lapse(50);
    assert.equal((await ledger.completed({ kind, sessionId, requestId }))?.outcome, "accepted");
  },

  async "a newer question about something else supersedes nothing"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s" }));
    await ledger.answer(id, token("A"));
    const delivery = await ledger.deliver(id, { owner: "keeper" });
    await ledger.record(oauthRequest({ sessionId: "s", ...elsewhere() }));
    assert.equal((await delivery?.settle({ accepted: false }))?.outcome, "unknown");
  },
};
