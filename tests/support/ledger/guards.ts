import { type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { raw } from "./raw.js";
import { oauthRequest, permissionRequest, token } from "./requests.js";

/** What is done to one credential, session or entry is done to no other: each test names the one comparison that it is about. */
export function guardTests(test: Suite, place: () => Place): void {
  const open = async (): Promise<Ledger> => await openLedger(await place().location(), { key });
  const other = { serverName: "other", serverUrl: "https://other.example/mcp" };

  test("an answer ends the claim on its own credential, and no other", async () => {
    await using ledger = await open();
    const [mine, its] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest(other))];
    const claim = await ledger.claim({ id: mine.id }, { owner: "mine" });
    const held = await ledger.claim({ id: its.id }, { owner: "its" });
    assert.ok(claim && held, "a claim stands in nobody else's way");
    await claim.answer(token("A"));
    await held.extend();
    assert.is(await ledger.claim({ id: its.id }, { owner: "thief" }), undefined);
    assert.is((await held.answer(token("B"))).state, "answered");
    await rejects(claim.extend(), { code: "FENCED" });
  });

  test("a claim that is given back, extended or stashed in leaves the others as they are", async () => {
    await using ledger = await open();
    const [mine, its] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest(other))];
    const claim = await ledger.claim({ id: mine.id }, { owner: "mine", leaseMs: 30_000 });
    const held = await ledger.claim({ id: its.id }, { owner: "its", leaseMs: 60_000 });
    assert.ok(claim && held);
    await held.stash("its");
    await claim.stash("mine");
    assert.equal([await claim.stashed(), await held.stashed()], ["mine", "its"]);
    await claim.extend();
    const shown = (await ledger.get(its.id))?.claim;
    assert.equal([shown?.owner, shown?.until.getTime()], ["its", held.until.getTime()]);
    await claim.release();
    await held.extend();
    assert.is((await ledger.get(mine.id))?.claim, undefined);
  });

  test("an entry with a time limit is cancelled before it, and is expired after it", async () => {
    await using ledger = await open();
    const later = await ledger.record(oauthRequest(), { expiresAt: new Date(Date.now() + 600_000) });
    assert.is((await ledger.cancel(later.id)).state, "cancelled");
    const soon = await ledger.record(oauthRequest(other), { expiresAt: new Date(Date.now() + 30) });
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.is((await ledger.list({ state: "expired" }))[0]?.id, soon.id);
    await rejects(ledger.cancel(soon.id), { code: "EXPIRED" });
    // A claim of its credential writes that down.
    const next = await ledger.record(oauthRequest(other));
    assert.ok(await ledger.claim({ id: next.id }, { owner: "broker" }));
    assert.is((await ledger.receipts(soon.id)).at(-1)?.state, "expired");
    await rejects(ledger.cancel(soon.id), { code: "EXPIRED" });
  });

  test("an entry has no answer of another credential, and a refusal is not about one", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const [mine, its] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest(other))];
    await ledger.answer(its.id, token("ITS"));
    await database.run("UPDATE entries SET answer = (SELECT id FROM answers) WHERE id = ?", mine.id);
    await rejects(ledger.answer(mine.id, token("ITS")), { code: "CORRUPT" });
    await ledger.refuse(mine.id);
    assert.is((await ledger.record(oauthRequest(other))).state, "answered");
  });

  test("an answer that outlives its request is kept for its own principal alone", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const { id, sessionId } = await ledger.record(oauthRequest());
    await ledger.lost(sessionId);
    await database.run("UPDATE credentials SET principal = 'bob'");
    await rejects(ledger.answer(id, token("A")), { code: "CORRUPT" });
    assert.equal(await database.run("SELECT id FROM answers"), []);
  });

  test("a claim tells the secrets of its own entries, and of no others", async () => {
    await using ledger = await open();
    const mine = await ledger.record(oauthRequest({ clientSecret: "MINE" }));
    const its = await ledger.record(oauthRequest({ ...other, clientSecret: "ITS" }));
    const claim = await ledger.claim({ id: mine.id }, { owner: "mine" });
    assert.match(JSON.stringify(await claim?.secrets(mine.id)), /"clientSecret":"MINE"/);
    await rejects(claim?.secrets(its.id) ?? Promise.resolve(), { code: "UNKNOWN_ENTRY" });
    await rejects(claim?.request(its.id) ?? Promise.resolve(), { code: "UNKNOWN_ENTRY" });
  });

  test("a completed event is about one session's one request", async () => {
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
    assert.is(over?.id, ids.get("s1 r1"));
    const open1 = (await ledger.list({ state: "open" })).map(({ id }) => id);
    assert.equal(new Set(open1), new Set([ids.get("s1 r2"), ids.get("s2 r1")]));
  });

  test("an answer was sent to those that it was sent to: a refusal by others says nothing about it", async () => {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s1" }));
    await ledger.record(oauthRequest({ sessionId: "s2" }));
    await ledger.answer(first.id, token("A"));
    await (await ledger.deliver(first.id, { owner: "keeper" }))?.settle({ accepted: true });
    const again = await ledger.record(oauthRequest({ sessionId: "s2", reason: "refresh" }));
    assert.is(again.state, "answered", "the second session never had it");
    const refused = await ledger.record(oauthRequest({ sessionId: "s1", reason: "refresh" }));
    assert.is(refused.state, "open");
  });

  test("of two answers to one question the one that was sent is refused", async () => {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s1" }));
    await ledger.answer(first.id, token("OLD"));
    await ledger.lost("s1");
    await ledger.answer(first.id, token("NEW"));
    const second = await ledger.record(oauthRequest({ sessionId: "s1" }));
    assert.equal((await ledger.deliver(second.id, { owner: "keeper" }))?.answer, token("NEW"));
    const third = await ledger.record(oauthRequest({ sessionId: "s1", reason: "refresh" }));
    assert.equal((await ledger.deliver(third.id, { owner: "keeper" }))?.answer, token("OLD"));
  });

  test("an answer that is turned to another one while it is unsealed is not marked as sent", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const old = await ledger.record(oauthRequest({ sessionId: "s0" }));
    await ledger.answer(old.id, token("OLD"));
    await ledger.refuse(old.id);
    const { id } = await ledger.record(oauthRequest({ sessionId: "s1" }));
    await ledger.answer(id, token("NEW"));
    const turn = "UPDATE entries SET answer = (SELECT o.answer FROM entries o WHERE o.session_id = 's0') WHERE id = ?";
    const wanted = async (): Promise<boolean> => {
      await database.run(turn, id);
      return true;
    };
    assert.is(await ledger.deliver(id, { owner: "keeper", wanted }), undefined);
    assert.is((await ledger.get(id))?.state, "answered");
  });

  test("what is changed between the look at a row and the write is found out", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const asked = await ledger.record(permissionRequest());
    // The seal is opened in a thread: what is read and what is written have at least a turn of the event loop between them.
    const meanwhile = async (set: string): Promise<void> => {
      for (let i = 0; i < 20; i++) await undefined;
      await database.run(`UPDATE entries SET ${set}`);
    };
    if (place().engine === "sqlite") {
      const answering = rejects(ledger.answer(asked.id, { kind: "approve-once" }), { code: "CORRUPT" });
      await meanwhile("request_id = 'eve'");
      await answering;
      await database.run("UPDATE entries SET request_id = ?", asked.requestId);
      const [row] = await database.run("SELECT sealed FROM entries");
      const again = rejects(ledger.answer(asked.id, { kind: "approve-once" }), { code: "CORRUPT" });
      await meanwhile("sealed = 'x'");
      await again;
      await database.run("UPDATE entries SET sealed = ?", String(row?.sealed));
    }
    await ledger.answer(asked.id, { kind: "approve-once" });
    await (await ledger.deliver(asked.id, { owner: "keeper" }))?.settle({ accepted: true });
    if (place().engine === "sqlite") {
      const giving = rejects(ledger.giveAgain(asked.id), { code: "CORRUPT" });
      await meanwhile("request_id = 'eve'");
      await giving;
      await database.run("UPDATE entries SET request_id = ?", asked.requestId);
      await database.run(
        `INSERT INTO answers (id, credential, principal, sealed, digest, shared, fence, created_at)
         SELECT 'other', credential, principal, sealed, digest, shared, fence, created_at FROM answers`,
      );
      const other = ledger.giveAgain(asked.id);
      await meanwhile("answer = 'other'");
      assert.is(await other, undefined);
      await database.run("UPDATE entries SET answer = (SELECT id FROM answers WHERE id <> 'other')");
    }
    assert.equal(await ledger.giveAgain(asked.id), { kind: "approve-once" });
  });
}
