import { deriveKey, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { claimFor } from "./held-grants.js";
import { key, type Place } from "./place.js";
import { raw } from "./raw.js";
import { oauthRequest, token } from "./requests.js";

const owner = "finish";

/** What every engine promises for a stash that is found by its tag. */
export function tagTests(test: Suite, place: () => Place): void {
  async function scenario(run: (at: { ledger: Ledger; location: string }) => Promise<void>): Promise<void> {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await run({ ledger, location });
  }

  test("a tag finds its claim, also after the lease of who began", () =>
    scenario(async ({ ledger }) => {
      await ledger.record(oauthRequest({ scope: "older" }));
      const begun = await claimFor(ledger);
      await begun.stash({ verifier: "V" }, { tag: "STATE" });
      assert.is(await ledger.claim({ tag: "STATE" }, { owner }), undefined, "whoever began still works on it");
      assert.is(await ledger.claim({ tag: "state" }, { owner }), undefined);
      await begun.extend(1);
      const claim = await ledger.claim({ tag: "STATE" }, { owner, waitMs: 10_000 });
      assert.is(claim?.entry.id, begun.entry.id);
      assert.equal(await claim?.stashed(), { verifier: "V" });
    }));

  test("a tag goes with its stash, and with the last answer", () =>
    scenario(async ({ ledger, location }) => {
      const found = async (tag: string): Promise<boolean> => {
        await using claim = await ledger.claim({ tag }, { owner });
        return claim !== undefined;
      };
      const claim = await claimFor(ledger);
      const again = async (value: unknown, options?: { tag?: string }): Promise<void> => {
        const next = await ledger.claim({ id: claim.entry.id }, { owner });
        await next?.stash(value, options);
        await next?.release();
      };
      await claim.release();
      await again(1, { tag: "a" });
      assert.is(await found("a"), true);
      await again(2, { tag: "b" });
      assert.equal([await found("a"), await found("b")], [false, true]);
      await again(3);
      assert.is(await found("b"), false);
      await again(4, { tag: "c" });
      await again(undefined);
      assert.is(await found("c"), false);
      await again(5, { tag: "d" });
      const last = await ledger.claim({ tag: "d" }, { owner });
      await last?.answer(token("A"));
      await using database = raw(location);
      assert.equal(await database.run("SELECT stash, tag FROM credentials"), [{ stash: null, tag: null }]);
      await ledger.refuse(claim.entry.id);
      const next = await claimFor(ledger, { scope: "other" });
      await next.stash(6, { tag: "e" });
      await next.cancel();
      const left = await database.run("SELECT stash, tag FROM credentials WHERE stash IS NOT NULL OR tag IS NOT NULL");
      assert.equal(left, []);
    }));

  test("only a keyed digest of a tag is stored; it finds nothing of another principal", () =>
    scenario(async ({ ledger, location }) => {
      const [hers, his, nobodys] = [{}, { principal: "bob" }, { principal: undefined }];
      for (const asking of [hers, his, nobodys]) {
        const claim = await claimFor(ledger, asking);
        await claim.stash(1, { tag: `state of ${String(claim.entry.principal)}` });
        await claim.release();
      }
      await using database = raw(location);
      const rows = await database.run("SELECT * FROM credentials");
      assert.is(JSON.stringify(rows).includes("state of"), false);
      assert.is(new Set(rows.map(({ tag }) => tag)).size, 3);
      await using ada = await openLedger(location, { principal: "ada", key: deriveKey(key, "ada") });
      assert.is(await ada.claim({ tag: "state of bob" }, { owner }), undefined);
      assert.is((await ada.claim({ tag: "state of ada" }, { owner }))?.entry.principal, "ada");
      for (const whose of ["bob", "undefined"]) {
        const claim = await ledger.claim({ tag: `state of ${whose}` }, { owner });
        assert.is(String(claim?.entry.principal), whose);
      }
      // Bob's digest on a row of ada's is none of hers, and his own is found still.
      await database.run("UPDATE credentials SET lease_until = 0");
      await database.run("UPDATE credentials SET tag = (SELECT tag FROM credentials WHERE principal = 'bob')");
      assert.is((await ledger.claim({ tag: "state of bob" }, { owner }))?.entry.principal, "bob");
      assert.is(await ledger.claim({ tag: "state of bob" }, { owner }), undefined);
    }));

  test("a tag is found under the key of before, and must be a text", () =>
    scenario(async ({ ledger, location }) => {
      const claim = await claimFor(ledger);
      await claim.stash(1, { tag: "STATE" });
      await claim.release();
      const next = Buffer.alloc(32, 9).toString("base64url");
      await using rotated = await openLedger(location, { keys: [next, key] });
      const found = await rotated.claim({ tag: "STATE" }, { owner });
      assert.is(found?.entry.id, claim.entry.id);
      const wrong: readonly string[] = JSON.parse('["", 5, {}, null]');
      for (const tag of wrong) {
        await rejects(found?.stash(1, { tag }) ?? Promise.resolve(), TypeError);
        await rejects(rotated.claim({ tag }, { owner }), TypeError);
      }
    }));
}
