/** The exclusive right to work on a credential: leases, fences, the stash, and who is shown to work. */
import assert from "node:assert/strict";
import { token } from "./asking.js";
import { type Cases, lapse } from "./given.js";

const other = { serverName: "other", serverUrl: "https://other.example/mcp" };

export const claimCases: Cases = {
  async "hands out a claim once, and the secrets with it"({ open, oauthRequest }) {
    await using ledger = await open();
    const request = oauthRequest({ clientSecret: "SECRET-1", body: "SECRET-3" });
    const entry = await ledger.record(request);
    const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker" });
    assert.ok(claim);
    assert.deepEqual(claim.entry, entry);
    assert.equal(await ledger.claim({}, { owner: "other" }), undefined);
    assert.equal((await claim.secrets()).staticClientConfig?.clientSecret, "SECRET-1");
    assert.deepEqual((await claim.request()).secrets.reveal(), request.secrets.reveal());
    await claim.release();
    await claim.release();
    const next = await ledger.claim({ id: entry.id }, { owner: "other" });
    assert.ok(next);
    assert.ok(next.fence > claim.fence);
    await assert.rejects(claim.secrets(), { code: "FENCED" });
  },

  async "refuses a stale fence, and lets a lapsed lease be taken over"({ open, oauthRequest }) {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const old = await ledger.claim({}, { owner: "old", leaseMs: 60 });
    assert.ok(old);
    await lapse(90);
    await assert.rejects(old.answer(token("OLD")), { code: "FENCED" });
    await assert.rejects(old.extend(), { code: "FENCED" });
    const next = await ledger.claim({}, { owner: "next" });
    assert.ok(next && next.fence > old.fence);
    for (const write of [
      () => old.answer(token("OLD")),
      () => old.stash(1),
      () => old.stashed(),
      () => old.secrets(),
      () => old.cancel(),
      () => old.wanted(),
    ]) {
      await assert.rejects(write, { code: "FENCED" });
    }
    await old.release();
    await next.answer(token("NEW"));
    assert.equal((await ledger.get(entry.id))?.state, "answered");
    await assert.rejects(old.answer(token("NEW")), { code: "FENCED" });
  },

  async "extends a lease"({ open, oauthRequest }) {
    await using ledger = await open();
    await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker", leaseMs: 30_000 });
    assert.ok(claim);
    await claim.extend(60_000);
    assert.ok(claim.until.getTime() > Date.now() + 40_000);
    await claim.stash("still ours");
    await claim.extend(1);
    await lapse(10);
    await assert.rejects(claim.stash("not any more"), { code: "FENCED" });
  },

  async "keeps the stash of a credential for the next holder"({ open, oauthRequest }) {
    await using ledger = await open();
    await ledger.record(oauthRequest());
    const first = await ledger.claim({}, { owner: "first" });
    assert.equal(await first?.stashed(), undefined);
    await first?.stash({ verifier: "SECRET-5", scopes: ["a"] });
    await assert.rejects(first?.stash("x".repeat(64 * 1024)) ?? Promise.resolve(), TypeError);
    let deep: unknown = "SECRET-5";
    for (let depth = 0; depth < 20_000; depth++) deep = [deep];
    for (const value of [deep, 1n, () => 1]) await assert.rejects(first?.stash(value) ?? Promise.resolve(), TypeError);
    await first?.release();
    const second = await ledger.claim({}, { owner: "second" });
    assert.deepEqual(await second?.stashed(), { verifier: "SECRET-5", scopes: ["a"] });
    await second?.stash(undefined);
    assert.equal(await second?.stashed(), undefined);
  },

  async "waits for a claim without asking all the time"({ open, oauthRequest }) {
    await using ledger = await open();
    await ledger.record(oauthRequest());
    const held = await ledger.claim({}, { owner: "first" });
    const waiting = ledger.claim({}, { owner: "second", waitMs: 5000 });
    await held?.release();
    const had = await waiting;
    assert.equal(had?.entry.state, "open");
    const lapsing = ledger.claim({}, { owner: "third", signal: AbortSignal.timeout(5000) });
    await had?.extend(50);
    assert.ok(await lapsing);
    const reason = new Error("enough");
    const controller = new AbortController();
    const aborted = ledger.claim({}, { owner: "fourth", signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(aborted, (error) => error === reason);
  },

  async "shows who works on an open entry, and refuses to cancel it under them"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    assert.equal((await ledger.get(id))?.claim, undefined);
    const claim = await ledger.claim({}, { owner: "broker 7", leaseMs: 60_000 });
    assert.ok(claim);
    const late = await ledger.record(oauthRequest());
    const stranger = await ledger.record(oauthRequest({ principal: "bob" }));
    const held = { owner: "broker 7", fence: claim.fence, until: claim.until };
    assert.deepEqual((await ledger.get(id))?.claim, held);
    const shown = new Map((await ledger.list()).map((entry) => [entry.id, entry.claim]));
    assert.deepEqual(
      [id, late.id, stranger.id].map((each) => shown.get(each)),
      [held, held, undefined],
    );
    const { value } = await ledger.watch({ id }, { after: "0" }).next();
    assert.deepEqual(value?.claim, held);

    await assert.rejects(ledger.cancel(id), { code: "CLAIMED", message: /"broker 7" works on this until \d.*fence/ });
    await assert.rejects(ledger.answer(id, token("A")), { code: "CLAIMED", message: /"broker 7"/ });
    assert.equal((await ledger.cancel(stranger.id)).state, "cancelled");
    assert.equal((await ledger.cancel(id, { force: true, by: "ada" })).state, "cancelled");
    assert.equal((await ledger.receipts(id)).at(-1)?.by, "ada");
    await claim.extend();
    assert.deepEqual(
      claim.entries.map((entry) => entry.id),
      [late.id],
    );
    await claim.release();
    assert.equal((await ledger.get(late.id))?.claim, undefined);
    const brief = await ledger.claim({ id: late.id }, { owner: "brief", leaseMs: 40 });
    assert.ok(brief);
    await lapse(320);
    assert.equal((await ledger.get(late.id))?.claim, undefined);
    assert.equal((await ledger.cancel(late.id)).state, "cancelled");
  },

  async "fifty sessions of one principal cost one acquisition"({ open, oauthRequest }) {
    await using ledger = await open();
    await Promise.all(Array.from({ length: 50 }, async () => await ledger.record(oauthRequest())));
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.equal(claim?.entries.length, 50);
    await claim?.answer(token("A"));
    assert.equal((await ledger.list({ state: "answered" })).length, 50);
    assert.equal(await ledger.claim({}, { owner: "broker" }), undefined);
  },

  async "a claim that is given back, extended or stashed in leaves the others as they are"({ open, oauthRequest }) {
    await using ledger = await open();
    const [mine, its] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest(other))];
    const claim = await ledger.claim({ id: mine.id }, { owner: "mine", leaseMs: 30_000 });
    const held = await ledger.claim({ id: its.id }, { owner: "its", leaseMs: 60_000 });
    assert.ok(claim && held);
    await held.stash("its");
    await claim.stash("mine");
    assert.deepEqual([await claim.stashed(), await held.stashed()], ["mine", "its"]);
    await claim.extend();
    const shown = (await ledger.get(its.id))?.claim;
    assert.deepEqual([shown?.owner, shown?.until.getTime()], ["its", held.until.getTime()]);
    await claim.release();
    await held.extend();
    assert.equal((await ledger.get(mine.id))?.claim, undefined);
  },

  async "a claim tells the secrets of its own entries, and of no others"({ open, oauthRequest }) {
    await using ledger = await open();
    const mine = await ledger.record(oauthRequest({ clientSecret: "MINE" }));
    const its = await ledger.record(oauthRequest({ ...other, clientSecret: "ITS" }));
    const claim = await ledger.claim({ id: mine.id }, { owner: "mine" });
    assert.match(JSON.stringify(await claim?.secrets(mine.id)), /"clientSecret":"MINE"/);
    await assert.rejects(claim?.secrets(its.id) ?? Promise.resolve(), { code: "UNKNOWN_ENTRY" });
    await assert.rejects(claim?.request(its.id) ?? Promise.resolve(), { code: "UNKNOWN_ENTRY" });
  },

  async "a claim that lives outlasts the pruning of its entry"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    const claim = await ledger.claim({ id }, { owner: "broker" });
    await claim?.stash({ verifier: 1 });
    await ledger.cancel(id, { force: true });
    await lapse(5);
    assert.equal((await ledger.prune({ entriesMs: 0 })).entries, 1);
    assert.deepEqual(await claim?.stashed(), { verifier: 1 });
  },
};
