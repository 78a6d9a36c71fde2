/** Keys: a ledger opens with its own alone, and lets it be changed. */
import assert from "node:assert/strict";
import type { Key } from "../../ledger/index.js";
import { token } from "./asking.js";
import type { Cases } from "./given.js";

const bytes = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

export const keyCases: Cases = {
  async "opens with its own key only, in any spelling, before anything is changed"({ open, place, oauthRequest }) {
    const here = place();
    const right = Buffer.from(bytes(1));
    const first = await open(here, { key: right });
    const { id } = await first.record(oauthRequest({ clientSecret: "SECRET-1" }));
    await first.close();
    for (const key of [right.toString("hex"), right.toString("base64"), right.toString("base64url")]) {
      await using ledger = await open(here, { key });
      assert.equal((await ledger.get(id))?.state, "open");
    }
    await assert.rejects(open(here, { key: bytes(2) }), { code: "WRONG_KEY" });
    const short: Key = "abc";
    await assert.rejects(open(here, { key: short }), TypeError);
    await assert.rejects(open(here, { keys: [] }), { code: "WRONG_KEY" });
    await using ledger = await open(here, { key: right });
    assert.equal((await ledger.receipts(id)).length, 1);
  },

  async "rotates keys: opens with either, seals with the first"({ open, place, oauthRequest }) {
    const here = place();
    const [old, next] = [bytes(1), bytes(2)];
    const before = await open(here, { key: old });
    const entry = await before.record(oauthRequest({ clientSecret: "SECRET-1" }));
    await before.answer(entry.id, token("A"));
    await before.close();
    const both = await open(here, { keys: [next, old] });
    assert.equal((await both.answer(entry.id, token("A"))).state, "answered");
    const late = await both.record(oauthRequest({ clientSecret: "SECRET-2", principal: "bob" }));
    const claim = await both.claim({}, { owner: "broker" });
    assert.equal(JSON.stringify(await claim?.secrets()).includes("SECRET-2"), true);
    await claim?.release();
    await both.close();
    await using after = await open(here, { key: next });
    const opened = await after.claim({ id: late.id }, { owner: "broker" });
    assert.equal(JSON.stringify(await opened?.secrets()).includes("SECRET-2"), true);
    // What only the old key opens stays shut, and nothing is marked as sent because of that.
    await assert.rejects(after.deliver(entry.id, { owner: "keeper" }), { code: "WRONG_KEY" });
    assert.equal((await after.get(entry.id))?.state, "answered");
    await using stale = await open(here, { key: old });
    assert.ok(stale);
  },
};
