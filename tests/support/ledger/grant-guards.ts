import { deriveKey, type HeldGrant, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { claimFor, grant } from "./held-grants.js";
import { key, type Place } from "./place.js";
import { headerOf, type Raw, raw } from "./raw.js";

interface Scenario {
  readonly ledger: Ledger;
  readonly location: string;
  readonly database: Raw;
  /** Ada's and bob's, kept and given back. */
  readonly ids: { readonly ada: string; readonly bob: string };
}

const owner = "broker";

/** What every engine promises for grants against whoever writes its database, or has the key of another principal. */
export function grantGuardTests(test: Suite, place: () => Place): void {
  async function scenario(run: (scenario: Scenario) => Promise<void>): Promise<void> {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const keep = async (principal: string): Promise<string> => {
      await using claim = await claimFor(ledger, { principal });
      await using held = await claim.grant();
      await held.keep(grant(`R of ${principal}`, { expiresAt: "2026-11-25T11:00:00.000Z" }));
      return held.id;
    };
    await run({ ledger, location, database, ids: { ada: await keep("ada"), bob: await keep("bob") } });
  }

  const changes: Record<string, string> = {
    "its principal": "principal = 'eve'",
    "nobody as its principal": "principal = NULL",
    "what it is for": "grant_key = 'eve'",
    "the session": "session_id = 'eve'",
    "the server": "server = 'https://evil.example/'",
    "the client": "client = 'eve'",
    "the issuer": "issuer = 'https://evil.example'",
    "the scope": "scope = 'mcp.read admin'",
    "the account": "account = 'eve@example.org'",
    "when it ends": "expires_at = 9999999999999",
    "when it was given": "obtained_at = 1",
    "its seal, to that of another": "sealed = (SELECT g.sealed FROM grants g WHERE g.principal = 'bob')",
    "a byte of its seal": "sealed = substr(sealed, 1, length(sealed) - 6) || 'AAAAAA'",
  };
  test("a grant is CORRUPT once somebody changed its row or its seal, and nobody holds it then", () =>
    scenario(async ({ ledger, database, ids }) => {
      const [whole] = await database.run("SELECT * FROM grants WHERE id = ?", ids.ada);
      for (const [what, set] of Object.entries(changes)) {
        await database.run(`UPDATE grants SET ${set} WHERE id = ?`, ids.ada);
        await rejects(ledger.holdGrant(ids.ada, { owner }), { code: "CORRUPT" });
        assert.is((await ledger.grants({ id: ids.ada }))[0]?.holder, undefined, what);
        for (const column of Object.keys(changesOf(set))) {
          await database.run(`UPDATE grants SET ${column} = ? WHERE id = ?`, written(whole?.[column]), ids.ada);
        }
      }
      assert.equal((await ledger.holdGrant(ids.ada, { owner })).state, "kept");
    }));

  test("a row that becomes another one while it is held takes no more", () =>
    scenario(async ({ ledger, database, ids }) => {
      const [whole] = await database.run("SELECT * FROM grants WHERE id = ?", ids.ada);
      for (const column of ["principal", "grant_key"]) {
        const held = await ledger.holdGrant(ids.ada, { owner });
        await database.run(`UPDATE grants SET ${column} = 'eve' WHERE id = ?`, ids.ada);
        for (const verb of [() => held.spend(), () => held.keep(grant("X")), () => held.unspent(), () => held.forget()])
          await rejects(verb, { code: "CORRUPT" });
        await database.run(`UPDATE grants SET ${column} = ? WHERE id = ?`, written(whole?.[column]), ids.ada);
        await held.release();
      }
      assert.is((await ledger.holdGrant(ids.ada, { owner })).state, "kept");
    }));

  test("a principal's key lists, holds, forgets and reads the history of nothing but theirs", () =>
    scenario(async ({ ledger, location, ids }) => {
      await using ada = await openLedger(location, { principal: "ada", key: deriveKey(key, "ada") });
      assert.equal(
        (await ada.grants()).map(({ id }) => id),
        [ids.ada],
      );
      assert.equal([...(await ada.grants({ id: ids.bob }))], []);
      assert.equal([...(await ada.grants({ principal: "bob" }))], []);
      assert.equal(await ada.grantReceipts(ids.bob), []);
      await rejects(ada.holdGrant(ids.bob, { owner }), { code: "UNKNOWN_GRANT" });
      await rejects(ada.forget(ids.bob, { force: true }), { code: "UNKNOWN_GRANT" });
      const held: HeldGrant = await ada.holdGrant(ids.ada, { owner });
      assert.equal(held.grant, grant("R of ada", { expiresAt: "2026-11-25T11:00:00.000Z" }));
      await held.keep(grant("R2"));
      await held.release();
      assert.equal((await ledger.holdGrant(ids.ada, { owner })).grant, grant("R2"));
      await ada.prune({ entriesMs: 0, grantsMs: 0 });
      assert.is((await ledger.grants({ id: ids.bob }))[0]?.state, "kept");
    }));

  test("somebody's row under bob's name is not his, and his own is found beside it", () =>
    scenario(async ({ ledger, location, database, ids }) => {
      const [his] = await database.run("SELECT grant_key FROM grants WHERE id = ?", ids.bob);
      await database.run("UPDATE grants SET grant_key = ? WHERE id = ?", String(his?.grant_key), ids.ada);
      await using claim = await claimFor(ledger, { principal: "bob", scope: "another" });
      assert.is((await claim.grant()).id, ids.bob);
      await using ada = await openLedger(location, { principal: "ada", key: deriveKey(key, "ada") });
      await rejects(ada.holdGrant(ids.ada, { owner }), { code: "CORRUPT" });
      await database.run("UPDATE grants SET principal = 'eve', lease_until = 0 WHERE id = ?", ids.ada);
      await database.run("UPDATE grants SET principal = 'ada', lease_until = 0 WHERE id = ?", ids.bob);
      await rejects(ada.holdGrant(ids.bob, { owner }), { code: "CORRUPT" });
    }));

  test("is sealed with its principal's key; with a new key in front, pruning seals it anew", () =>
    scenario(async ({ ledger, location, database, ids }) => {
      const kids = async () =>
        (await database.run("SELECT sealed FROM grants ORDER BY principal")).map(
          ({ sealed }) => headerOf(String(sealed)).kid,
        );
      const [own] = await database.run("SELECT kid FROM seals WHERE principal IS NULL");
      const before = await kids();
      assert.is(new Set([...before, own?.kid]).size, 3);
      await ledger.prune({ entriesMs: 60_000 });
      assert.equal(await kids(), before);
      const next = Buffer.alloc(32, 9).toString("base64url");
      const rotating = await openLedger(location, { keys: [next, key] });
      await rotating.prune({ entriesMs: 60_000 });
      await rotating.close();
      const after = await kids();
      assert.is(new Set([...before, ...after]).size, 4);
      await using adaAfter = await openLedger(location, {
        principal: "ada",
        keys: [deriveKey(next, "ada"), deriveKey(key, "ada")],
      });
      assert.is((await adaAfter.holdGrant(ids.ada, { owner })).state, "kept");
      await using adaBefore = await openLedger(location, { principal: "ada", key: deriveKey(key, "ada") });
      await database.run("UPDATE grants SET lease_until = 0");
      await rejects(adaBefore.holdGrant(ids.ada, { owner }), { code: "WRONG_KEY" });
    }));

  test("pruning removes what keeps nothing, and forgets what nothing happened to where it is told", () =>
    scenario(async ({ ledger, ids, database }) => {
      await ledger.forget(ids.ada);
      const held = await ledger.holdGrant(ids.bob, { owner });
      await ledger.prune({ entriesMs: 60_000, grantsMs: 0 });
      const all = async () => (await database.run("SELECT id FROM grants")).map(({ id }) => id);
      assert.is((await all()).length, 2, "one is young, one is held");
      await held.release();
      await database.run("UPDATE grants SET updated_at = updated_at - 1000, lease_until = 0");
      await ledger.prune({ entriesMs: 500, receiptsMs: 0 });
      assert.equal(await all(), [ids.bob]);
      assert.is((await ledger.grantReceipts(ids.bob)).length, 1, "the history of what is kept is kept");
      await ledger.prune({ entriesMs: 500, grantsMs: 500 });
      assert.equal([...(await ledger.grants())], []);
      assert.equal(
        (await ledger.grantReceipts(ids.bob)).map(({ event, reason }) => [event, reason]),
        [
          ["kept", undefined],
          ["forgotten", "nothing has happened to it for long"],
        ],
      );
    }));
}

/** The columns of `a = 1, b = 2`. */
const changesOf = (set: string): Record<string, true> =>
  Object.fromEntries(set.split(/, (?=\w+ = )/).map((part) => [part.split(" = ")[0] ?? "", true]));

const written = (value: unknown): string | number | null =>
  value === null || value === undefined ? null : typeof value === "number" ? value : String(value);
