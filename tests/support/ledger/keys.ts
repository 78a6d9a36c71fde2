import { type Key, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import type { Place } from "./place.js";
import { oauthRequest, token } from "./requests.js";

const bytes = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

/** What every engine promises for keys. */
export function keyTests(test: Suite, place: () => Place): void {
  test("opens with its own key only, in any spelling, before anything is changed", async () => {
    const location = await place().location();
    const right = Buffer.from(bytes(1));
    const first = await openLedger(location, { key: right });
    const { id } = await first.record(oauthRequest({ clientSecret: "SECRET-1" }));
    await first.close();
    for (const key of [right.toString("hex"), right.toString("base64"), right.toString("base64url")]) {
      await using ledger = await openLedger(location, { key });
      assert.is((await ledger.get(id))?.state, "open");
    }
    await rejects(openLedger(location, { key: bytes(2) }), { code: "WRONG_KEY" });
    const short: Key = "abc";
    await rejects(openLedger(location, { key: short }), TypeError);
    await rejects(openLedger(location, { keys: [] }), { code: "WRONG_KEY" });
    await using ledger = await openLedger(location, { key: right });
    assert.is((await ledger.receipts(id)).length, 1);
  });

  test("rotates keys: opens with either, seals with the first", async () => {
    const location = await place().location();
    const [old, next] = [bytes(1), bytes(2)];
    const before = await openLedger(location, { key: old });
    const entry = await before.record(oauthRequest({ clientSecret: "SECRET-1" }));
    await before.answer(entry.id, token("A"));
    await before.close();
    const both = await openLedger(location, { keys: [next, old] });
    assert.is((await both.answer(entry.id, token("A"))).state, "answered");
    const late = await both.record(oauthRequest({ clientSecret: "SECRET-2", principal: "bob" }));
    const claim = await both.claim({}, { owner: "broker" });
    assert.is(JSON.stringify(await claim?.secrets()).includes("SECRET-2"), true);
    await claim?.release();
    await both.close();
    await using after = await openLedger(location, { key: next });
    const opened = await after.claim({ id: late.id }, { owner: "broker" });
    assert.is(JSON.stringify(await opened?.secrets()).includes("SECRET-2"), true);
    // What only the old key opens stays shut, and nothing is marked as sent because of that.
    await rejects(after.deliver(entry.id, { owner: "keeper" }), { code: "WRONG_KEY" });
    assert.is((await after.get(entry.id))?.state, "answered");
    await using stale = await openLedger(location, { key: old });
    assert.ok(stale);
  });

  test("takes the key of the environment", async () => {
    const location = await place().location();
    process.env.LATCHKEY_KEY = Buffer.from(bytes(3)).toString("base64url");
    try {
      await (await openLedger(location)).close();
    } finally {
      delete process.env.LATCHKEY_KEY;
    }
    await (await openLedger(location, { key: bytes(3) })).close();
    await rejects(openLedger(location, { key: bytes(4) }), { code: "WRONG_KEY" });
  });

  test("many processes may make one ledger at once", async () => {
    const location = await place().location();
    const all = await Promise.all(Array.from({ length: 6 }, () => openLedger(location, { key: bytes(1) })));
    const request = oauthRequest();
    const entries = await Promise.all(all.map((ledger) => ledger.record(request)));
    assert.is(new Set(entries.map(({ id }) => id)).size, 1);
    const claims = await Promise.all(all.map((ledger) => ledger.claim({}, { owner: "broker" })));
    assert.is(claims.filter((claim) => claim !== undefined).length, 1);
    await Promise.all(all.map((ledger) => ledger.close()));
  });
}
