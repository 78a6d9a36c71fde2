/** Whom an answer serves, for how long, and whom it does not. */
import assert from "node:assert/strict";
import { type Asking, token } from "./asking.js";
import { type Cases, lapse } from "./given.js";

const other = { serverName: "other", serverUrl: "https://other.example/mcp" };

export const answerCases: Cases = {
  async "answers every open entry of the credential, late joiners included"({ open, oauthRequest }) {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.ok(claim);
    const late = await ledger.record(oauthRequest());
    const stranger = await ledger.record(oauthRequest({ principal: "bob" }));
    assert.equal(claim.entries.length, 1);
    assert.equal(await claim.wanted(), true);
    assert.equal(claim.entries.length, 2);
    const answered = await claim.answer(token("SECRET-4"), { account: "ada@example" });
    assert.equal(answered.state, "answered");
    assert.equal(answered.account, "ada@example");
    const states = new Map((await ledger.list()).map(({ id, state }) => [id, state]));
    assert.deepEqual(
      [first, late, stranger].map(({ id }) => states.get(id)),
      ["answered", "answered", "open"],
    );
    const [, receipt] = await ledger.receipts(late.id);
    assert.equal(receipt?.by, "broker");
    assert.equal(receipt?.fence, claim.fence);
  },

  async "takes the same answer twice and refuses another one"({ open, oauthRequest }) {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.ok(claim);
    await assert.rejects(ledger.answer(entry.id, token("A")), { code: "CLAIMED" });
    const answered = await claim.answer(token("A"));
    assert.deepEqual(await claim.answer(token("A")), answered);
    assert.deepEqual(await ledger.answer(entry.id, token("A")), answered);
    await assert.rejects(claim.answer(token("B")), { code: "CONFLICT" });
    await assert.rejects(ledger.answer(entry.id, token("B")), { code: "CONFLICT" });
    assert.deepEqual(await ledger.get(entry.id), answered);
    assert.equal((await ledger.receipts(entry.id)).length, 2);
    await assert.rejects(ledger.answer("nobody", token("A")), { code: "UNKNOWN_ENTRY" });
  },

  async "checks answers before anything is written"({ open, oauthRequest }) {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const malformed = JSON.parse('{"kind":"token"}');
    await assert.rejects(ledger.answer(entry.id, malformed), { code: "INVALID" });
    assert.equal((await ledger.get(entry.id))?.state, "open");
  },

  async "serves later requests of the credential from the answer, and nobody else"({ open, oauthRequest }) {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ scope: "b a" }));
    await ledger.answer(first.id, token("A"));
    const state = async (asking: Asking) => (await ledger.record(oauthRequest({ scope: "a b", ...asking }))).state;
    assert.equal(await state({}), "answered");
    assert.equal(await state({ serverUrl: "https://FILES.example:443/mcp#x" }), "answered");
    assert.equal(await state({ scope: "a b c" }), "open");
    assert.equal(await state({ scope: "a" }), "open");
    assert.equal(await state({ principal: "bob" }), "open");
    assert.equal(await state({ principal: undefined }), "open");
    assert.equal(await state({ clientId: "client-2" }), "open");
    assert.equal(await state({ serverUrl: "https://files.example/mcp/other" }), "open");
    assert.equal(await state({ serverUrl: "https://files.example/mcp?tenant=2" }), "open");
  },

  async "keeps an answer only as long as it is good"({ open, oauthRequest }) {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest());
    await ledger.answer(first.id, token("A", 1), { expiresAt: new Date(Date.now() + 60_000) });
    const short = await ledger.record(oauthRequest({ principal: "eve" }));
    await ledger.answer(short.id, token("A", 1));
    await lapse(1050);
    assert.equal((await ledger.record(oauthRequest())).state, "answered");
    assert.equal((await ledger.record(oauthRequest({ principal: "eve" }))).state, "open");
    await assert.rejects(ledger.answer(first.id, token("B"), { expiresAt: new Date(0) }), { code: "CONFLICT" });
    const other = await ledger.record(oauthRequest({ principal: "bob" }));
    await assert.rejects(ledger.answer(other.id, token("B"), { expiresAt: new Date(0) }), { code: "EXPIRED" });
  },

  async "gives an answer to the same question once a load, and again after the load is lost"({ open, oauthRequest }) {
    await using ledger = await open();
    const asks = (requestId: string) => ledger.record(oauthRequest({ sessionId: "once", requestId, principal: "ada" }));
    const first = await asks("q1");
    await ledger.answer(first.id, token("A"));
    const delivery = await ledger.deliver(first.id, { owner: "keeper" });
    await delivery?.settle({ accepted: true });
    // Asked again though it was given the answer: the server did not like it, and says so by asking.
    assert.equal((await asks("q2")).state, "open");
    await ledger.lost(first.sessionId);
    assert.equal((await asks("q3")).state, "answered");
  },

  async "does not share an answer that serves one request"({ open, oauthRequest, permissionRequest }) {
    await using ledger = await open();
    const [a, b] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest())];
    await ledger.answer(a.id, { kind: "cancelled" });
    assert.equal((await ledger.get(b.id))?.state, "open");
    const permission = await ledger.record(permissionRequest());
    await ledger.answer(permission.id, { kind: "approve-once" });
    assert.equal((await ledger.get(permission.id))?.state, "answered");
  },

  async "an answer without a claim ends the fence of a lapsed one"({ open, oauthRequest }) {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const old = await ledger.claim({}, { owner: "old", leaseMs: 30 });
    await lapse(320);
    await ledger.answer(entry.id, token("A"));
    await assert.rejects(old?.answer(token("A")) ?? Promise.resolve(), { code: "FENCED" });
  },

  async "an answer ends the claim on its own credential, and no other"({ open, oauthRequest }) {
    await using ledger = await open();
    const [mine, its] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest(other))];
    const claim = await ledger.claim({ id: mine.id }, { owner: "mine" });
    const held = await ledger.claim({ id: its.id }, { owner: "its" });
    assert.ok(claim && held, "a claim stands in nobody else's way");
    await claim.answer(token("A"));
    await held.extend();
    assert.equal(await ledger.claim({ id: its.id }, { owner: "thief" }), undefined);
    assert.equal((await held.answer(token("B"))).state, "answered");
    await assert.rejects(claim.extend(), { code: "FENCED" });
  },

  async "an answer for one request serves no other one of its credential, and seeds nothing"({ open, oauthRequest }) {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s" }));
    await ledger.answer(first.id, { kind: "cancelled" });
    assert.equal((await ledger.record(oauthRequest())).state, "open");
    assert.deepEqual(await ledger.seeds("s"), []);
  },

  async "a load is given an answer that another session, or an earlier load, has had"({ open, oauthRequest }) {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s1" }), { epoch: "A" });
    await ledger.answer(first.id, token("A"));
    await (await ledger.deliver(first.id, { owner: "keeper" }))?.settle({ accepted: true });
    assert.equal((await ledger.record(oauthRequest({ sessionId: "s2" }), { epoch: "A" })).state, "answered");
    const same = await ledger.record(oauthRequest({ sessionId: "s1" }), { epoch: "A" });
    assert.equal(same.state, "open", "this load has had it");
    await lapse(5);
    assert.equal((await ledger.record(oauthRequest({ sessionId: "s1" }), { epoch: "B" })).state, "answered");
  },
};
