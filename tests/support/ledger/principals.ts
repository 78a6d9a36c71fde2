import { hkdfSync } from "node:crypto";
import { deriveKey, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { headerOf, raw } from "./raw.js";
import { oauthRequest, permissionRequest, token } from "./requests.js";

const [ada, bob] = [deriveKey(key, "ada"), deriveKey(key, "bob")];

/** What every engine promises for the keys of principals. */
export function principalTests(test: Suite, place: () => Place): void {
  test("a principal's key is derived as RFC 5869 says, and is nobody else's", () => {
    const expected = hkdfSync("sha256", Buffer.from(key, "base64url"), "", "latchkey principal\0ada", 32);
    assert.is(ada, Buffer.from(expected).toString("base64url"));
    assert.is(new Set([key, ada, bob]).size, 3);
  });

  test("a principal's key opens what is theirs, and seals what the ledger's key opens", async () => {
    const location = await place().location();
    await using keeper = await openLedger(location, { key });
    const hers = await keeper.record(oauthRequest({ clientSecret: "HERS" }));
    const his = await keeper.record(oauthRequest({ principal: "bob", clientSecret: "HIS" }));
    await keeper.record(oauthRequest({ principal: undefined }));
    await using broker = await openLedger(location, { principal: "ada", key: ada });
    assert.equal(
      (await broker.list()).map(({ id }) => id),
      [hers.id],
    );
    const claim = await broker.claim({ kind: "mcp.oauth_required" }, { owner: "broker" });
    assert.is((await claim?.secrets())?.staticClientConfig?.clientSecret, "HERS");
    await claim?.stash({ verifier: 1 });
    assert.equal(await claim?.stashed(), { verifier: 1 });
    await claim?.answer(token("A"));
    assert.is(await broker.claim({}, { owner: "broker" }), undefined);
    for (const work of [
      () => broker.answer(his.id, token("X")),
      () => broker.cancel(his.id),
      () => broker.refuse(his.id),
      () => broker.deliver(his.id, { owner: "broker" }),
      () => broker.giveAgain(his.id),
    ]) {
      await rejects(work, { code: "UNKNOWN_ENTRY" });
    }
    assert.is(await broker.get(his.id), undefined);
    assert.equal(await broker.receipts(his.id), []);
    assert.equal(await broker.list({ principal: "bob" }), []);
    assert.is(await broker.completed(his), undefined);
    assert.equal(await broker.lost(his.sessionId), []);
    assert.equal(await broker.seeds(his.sessionId), []);
    await rejects(broker.record(oauthRequest({ principal: "bob" })), { code: "WRONG_KEY" });
    await rejects(broker.record(oauthRequest({ principal: undefined })), { code: "WRONG_KEY" });
    assert.equal((await keeper.deliver(hers.id, { owner: "keeper" }))?.answer, token("A"));
    assert.is((await keeper.record(oauthRequest())).state, "answered");
    assert.is((await keeper.get(his.id))?.state, "open");
  });

  test("a principal's key is no other principal's, and not the ledger's own", async () => {
    const location = await place().location();
    await rejects(openLedger(location, { principal: "ada", key: ada }), { code: "WRONG_KEY" });
    await using keeper = await openLedger(location, { key });
    await keeper.record(oauthRequest());
    await keeper.record(oauthRequest({ principal: "bob" }));
    await rejects(openLedger(location, { principal: "bob", key: ada }), { code: "WRONG_KEY" });
    await rejects(openLedger(location, { principal: "ada", key: bob }), { code: "WRONG_KEY" });
    await rejects(openLedger(location, { key: ada }), { code: "WRONG_KEY" });
    assert.is((await keeper.list()).length, 2);
    // The ledger's own key, restricted.
    await using own = await openLedger(location, { principal: "bob", key });
    const claim = await own.claim({}, { owner: "broker" });
    assert.is(claim?.entry.principal, "bob");
  });

  test("before anything of a principal is sealed no key of theirs can be told, and then only the right one works", async () => {
    const location = await place().location();
    await using keeper = await openLedger(location, { key });
    await using right = await openLedger(location, { principal: "ada", key: ada });
    await using wrong = await openLedger(location, { principal: "ada", key: bob });
    await rejects(right.record(oauthRequest()), { code: "WRONG_KEY" });
    const { id } = await keeper.record(oauthRequest());
    await rejects(wrong.answer(id, token("X")), { code: "WRONG_KEY" });
    await rejects(wrong.claim({}, { owner: "wrong" }), { code: "WRONG_KEY" });
    assert.is((await right.answer(id, token("A"))).state, "answered");
    assert.equal((await keeper.deliver(id, { owner: "keeper" }))?.answer, token("A"));
  });

  test("keys of principals rotate with the ledger's", async () => {
    const location = await place().location();
    const next = Buffer.alloc(32, 9).toString("base64url");
    const before = await openLedger(location, { key });
    const first = await before.record(oauthRequest({ clientSecret: "S" }));
    await before.close();
    await using keeper = await openLedger(location, { keys: [next, key] });
    const other = await keeper.record(oauthRequest({ serverName: "other", scope: "other", clientSecret: "T" }));
    const keys = [deriveKey(next, "ada"), ada];
    await using broker = await openLedger(location, { principal: "ada", keys });
    for (const { id } of [first, other]) {
      await using claim = await broker.claim({ id }, { owner: "broker" });
      assert.match(JSON.stringify(await claim?.secrets()), /"[ST]"/);
      await claim?.answer(token(id));
    }
    // The same answer again is known again under the key of before.
    await using late = await openLedger(location, { principal: "ada", keys: [...keys].reverse() });
    assert.is((await late.answer(first.id, token(first.id))).state, "answered");
    for (const { id } of [first, other])
      assert.equal((await keeper.deliver(id, { owner: "keeper" }))?.answer, token(id));
    await using stale = await openLedger(location, { principal: "ada", key: ada });
    await rejects(stale.answer(other.id, token("X")), { code: "WRONG_KEY" });
  });

  test("blank principals and those that are no text are refused wherever they are given", async () => {
    await using ledger = await openLedger(await place().location(), { key });
    const { id, sessionId } = await ledger.record(oauthRequest({ principal: undefined }));
    const location = await place().location();
    for (const principal of ["", " \t\n", ...JSON.parse('[5, null, {}, ["ada"], true]')]) {
      assert.throws(() => oauthRequest({ principal }), TypeError);
      assert.throws(() => deriveKey(key, principal), TypeError);
      await rejects(async () => await ledger.record({ ...oauthRequest(), principal }), TypeError);
      await rejects(ledger.list({ principal }), TypeError);
      await rejects(ledger.claim({ principal }, { owner: "broker" }), TypeError);
      await rejects(async () => await ledger.watch({ principal }).next(), TypeError);
      if (principal !== null) await rejects(ledger.seeds(sessionId, { principal }), TypeError);
      await rejects(openLedger(location, { key, principal }), TypeError);
    }
    assert.equal(
      (await ledger.list()).map((entry) => entry.id),
      [id],
    );
  });

  test("the same question of two principals in one session is two seeds, and nobody's is nobody else's", async () => {
    await using ledger = await openLedger(await place().location(), { key });
    for (const principal of ["ada", "bob", undefined]) {
      const { id } = await ledger.record(oauthRequest({ sessionId: "s", principal }));
      await ledger.answer(id, token(String(principal)));
    }
    const seen = async (principal: string | null) =>
      (await ledger.seeds("s", { principal })).map(({ answer }) => answer);
    assert.equal(await seen("ada"), [token("ada")]);
    assert.equal(await seen("bob"), [token("bob")]);
    assert.equal(await seen(null), [token("undefined")]);
    assert.equal(await seen("eve"), []);
    const [hers] = await ledger.seeds("s", { principal: "ada" });
    const lost = await ledger.lost("s");
    await hers?.given();
    const his = lost.find(({ principal }) => principal === undefined);
    assert.is.not((await ledger.get(his?.id ?? ""))?.outcome, "seeded");
  });

  test("no value of a principal is sealed with the ledger's own key", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    const { id } = await ledger.record(oauthRequest());
    await (await ledger.claim({ id }, { owner: "broker" }))?.stash(1);
    await ledger.answer(id, token("A")).catch(() => undefined);
    const permission = await ledger.record(permissionRequest());
    await ledger.answer(permission.id, { kind: "approve-once" });
    await using database = raw(location);
    const [own] = await database.run("SELECT kid FROM seals WHERE principal IS NULL");
    const [hers] = await database.run("SELECT kid FROM seals WHERE principal = 'ada'");
    const seals = await database.run(
      "SELECT sealed FROM entries UNION ALL SELECT sealed FROM answers UNION ALL SELECT stash FROM credentials WHERE stash IS NOT NULL",
    );
    assert.ok(seals.length >= 4 && own?.kid !== hers?.kid);
    for (const { sealed } of seals) {
      const header = headerOf(String(sealed));
      assert.is(header.kid, hers?.kid);
      assert.is(typeof header.bind, "string");
    }
  });
}
