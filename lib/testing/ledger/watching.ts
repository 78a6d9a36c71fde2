/** Watching transitions, and removing what is over. */
import assert from "node:assert/strict";
import { token } from "./asking.js";
import { type Cases, lapse, within } from "./given.js";

export const watchCases: Cases = {
  async "shows every transition once, in order, to watchers of other connections too"({ open, place, oauthRequest }) {
    const here = place();
    await using ledger = await open(here);
    await using other = await open(here);
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
    await within(watching);
    assert.deepEqual(seen, ["a open", "b open", "a answered"]);
    const delivery = await ledger.deliver(first.id, { owner: "keeper" });
    await delivery?.settle({ accepted: true });
    await ledger.cancel((await ledger.list({ sessionId: "b" }))[0]?.id ?? "");
    for await (const entry of ledger.watch({}, { after: cursor })) {
      seen.push(`${entry.sessionId} ${entry.state} ${entry.outcome ?? ""}`.trim());
      if (seen.length === 6) break;
    }
    assert.deepEqual(seen.slice(3), ["a sent", "a settled accepted", "b cancelled"]);
    const reason = new Error("enough");
    const aborted = other.watch({ state: "lost" }, { signal: controller.signal }).next();
    controller.abort(reason);
    await assert.rejects(aborted, (error) => error === reason);
  },

  async "a watcher sees an entry run out though nobody else looks"({ open, oauthRequest }) {
    await using ledger = await open();
    const watching = ledger.watch({ state: "expired" }).next();
    const { id } = await ledger.record(oauthRequest(), { expiresAt: new Date(Date.now() + 80) });
    assert.equal((await within(watching)).value?.id, id);
    assert.equal((await ledger.receipts(id)).length, 2);
  },

  async "ends its watches when it is closed"({ open }) {
    const ledger = await open();
    const watching = ledger.watch().next();
    await ledger.close();
    assert.equal((await within(watching)).done, true);
    await assert.rejects(ledger.list(), { code: "UNAVAILABLE" });
  },

  async "prunes what is over and keeps receipts as long as asked; fences go on"({ open, oauthRequest }) {
    await using ledger = await open();
    const old = await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker" });
    await claim?.cancel();
    const open1 = await ledger.record(oauthRequest({ principal: "bob" }));
    await lapse(20);
    assert.deepEqual(await ledger.prune({ entriesMs: 60_000 }), { entries: 0, receipts: 0 });
    assert.deepEqual(await ledger.prune({ entriesMs: 0 }), { entries: 1, receipts: 0 });
    assert.equal(await ledger.get(old.id), undefined);
    assert.equal((await ledger.get(open1.id))?.state, "open");
    assert.equal((await ledger.receipts(old.id)).length, 2);
    assert.deepEqual(await ledger.prune({ entriesMs: 0, receiptsMs: 0 }), { entries: 0, receipts: 2 });
    await ledger.record(oauthRequest());
    const again = await ledger.claim({ principal: "ada" }, { owner: "broker" });
    assert.ok(again && claim && again.fence > claim.fence);
    await assert.rejects(claim.answer(token("A")), { code: "FENCED" });
  },
};
