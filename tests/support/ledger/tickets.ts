import { deriveKey, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { type Raw, raw } from "./raw.js";
import { oauthRequest, token } from "./requests.js";

const owner = "page";
const soon = (ms = 60_000): Date => new Date(Date.now() + ms);
const lapse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What every engine promises for tickets. */
export function ticketTests(test: Suite, place: () => Place): void {
  async function scenario(
    run: (at: { ledger: Ledger; location: string; database: Raw }) => Promise<void>,
  ): Promise<void> {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    await run({ ledger, location, database });
  }

  test("answers one entry, once, and no sibling", () =>
    scenario(async ({ ledger, database }) => {
      const [entry, sibling] = [
        await ledger.record(oauthRequest({ clientSecret: "S" })),
        await ledger.record(oauthRequest()),
      ];
      const ticket = await ledger.ticket(entry.id, { expiresAt: soon(), by: "notify" });
      assert.match(ticket, /^[\w-]{43}$/);
      assert.is(JSON.stringify(await database.run("SELECT * FROM tickets")).includes(ticket), false);
      assert.is((await ledger.ticketed(ticket)).id, entry.id);
      const claim = await ledger.redeem(ticket, { owner });
      assert.equal((await ledger.ticketed(ticket)).claim?.owner, owner, "looking does not use it up");
      assert.equal(
        claim.entries.map(({ id }) => id),
        [entry.id],
      );
      assert.is(await claim.wanted(), true);
      await claim.extend();
      assert.equal(
        claim.entries.map(({ id }) => id),
        [entry.id],
      );
      assert.is(JSON.stringify(await claim.secrets()).includes('"S"'), true);
      await rejects(claim.secrets(sibling.id), { code: "UNKNOWN_ENTRY" });
      await rejects(claim.request(sibling.id), { code: "UNKNOWN_ENTRY" });
      await rejects(claim.grant(), { code: "CONFLICT" });
      await rejects(claim.kept(), { code: "CONFLICT" });
      await rejects(ledger.redeem(ticket, { owner }), { code: "CLAIMED" });
      await claim.answer(token("A"));
      assert.is((await ledger.get(sibling.id))?.state, "open");
      assert.is((await ledger.record(oauthRequest())).state, "open", "its answer serves no other");
      await rejects(ledger.redeem(ticket, { owner }), { code: "USED_TICKET" });
      await rejects(ledger.ticketed(ticket), { code: "USED_TICKET" });
      const [, made, answered] = await ledger.receipts(entry.id);
      assert.equal([made?.event, made?.by, made?.state], ["ticket", "notify", "open"]);
      assert.equal([answered?.state, answered?.ticket], ["answered", made?.ticket]);
      assert.ok(made?.ticket !== undefined && made.ticket !== ticket);
    }));

  test("cancels one entry, and no sibling", () =>
    scenario(async ({ ledger }) => {
      const [entry, sibling] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest())];
      const ticket = await ledger.ticket(entry.id, { expiresAt: soon() });
      await (await ledger.redeem(ticket, { owner })).cancel({ reason: "not me" });
      assert.equal([(await ledger.get(entry.id))?.state, (await ledger.get(sibling.id))?.state], ["cancelled", "open"]);
      assert.ok((await ledger.receipts(entry.id)).at(-1)?.ticket);
      await rejects(ledger.redeem(ticket, { owner }), { code: "USED_TICKET" });
    }));

  test("is as good as before when its claim is let go, and never better than its time", () =>
    scenario(async ({ ledger }) => {
      const { id } = await ledger.record(oauthRequest());
      const ticket = await ledger.ticket(id, { expiresAt: soon(1500) });
      const first = await ledger.redeem(ticket, { owner, leaseMs: 60_000 });
      assert.ok(first.until.getTime() < Date.now() + 3000, "no lease outlives the ticket");
      await first.extend(60_000);
      assert.ok(first.until.getTime() < Date.now() + 3000);
      await first.release();
      const second = await ledger.redeem(ticket, { owner });
      await rejects(first.answer(token("A")), { code: "FENCED" });
      await lapse(1600);
      await rejects(second.answer(token("A")), { code: "FENCED" });
      await rejects(ledger.redeem(ticket, { owner }), { code: "EXPIRED" });
      await rejects(ledger.ticketed(ticket), { code: "EXPIRED" });
      await rejects(ledger.ticket(id, { expiresAt: new Date(0) }), { code: "EXPIRED" });
    }));

  test("refuses what it does not know, and entries that wait for nothing", () =>
    scenario(async ({ ledger }) => {
      const { id } = await ledger.record(oauthRequest());
      const ticket = await ledger.ticket(id, { expiresAt: soon() });
      for (const wrong of ["", "x", ticket.slice(1), `${ticket} `])
        await rejects(ledger.redeem(wrong, { owner }), { code: "UNKNOWN_TICKET" });
      await ledger.answer(id, token("A"));
      await rejects(ledger.redeem(ticket, { owner }), { code: "CONFLICT" });
      assert.is((await ledger.ticketed(ticket)).state, "answered");
      await rejects(ledger.ticket(id, { expiresAt: soon() }), { code: "CONFLICT" });
      await rejects(ledger.ticket("nobody", { expiresAt: soon() }), { code: "UNKNOWN_ENTRY" });
      await rejects(ledger.ticket(id, { expiresAt: new Date("soon") }), TypeError);
      await rejects(ledger.redeem(ticket, { owner: "" }), TypeError);
      const brief = await ledger.record(oauthRequest({ scope: "brief" }), { expiresAt: soon(1000) });
      const late = await ledger.ticket(brief.id, { expiresAt: soon() });
      await lapse(1100);
      await rejects(ledger.redeem(late, { owner }), { code: "EXPIRED" });
    }));

  test("is no transition: a watch does not tell of it", () =>
    scenario(async ({ ledger }) => {
      const { id } = await ledger.record(oauthRequest());
      await ledger.ticket(id, { expiresAt: soon() });
      const watching = ledger.watch({ id }, { after: "0" });
      assert.is((await watching.next()).value?.state, "open");
      await ledger.cancel(id);
      assert.is((await watching.next()).value?.state, "cancelled");
      await watching.return?.();
    }));

  test("is of one principal, and made with the key", () =>
    scenario(async ({ ledger, location, database }) => {
      const [hers, his] = [
        await ledger.record(oauthRequest()),
        await ledger.record(oauthRequest({ principal: "bob" })),
      ];
      const ticket = await ledger.ticket(his.id, { expiresAt: soon() });
      await using ada = await openLedger(location, { principal: "ada", key: deriveKey(key, "ada") });
      await rejects(ada.ticket(his.id, { expiresAt: soon() }), { code: "UNKNOWN_ENTRY" });
      await rejects(ada.redeem(ticket, { owner }), { code: "UNKNOWN_TICKET" });
      await rejects(ada.ticketed(ticket), { code: "UNKNOWN_TICKET" });
      const own = await ada.ticket(hers.id, { expiresAt: soon() });
      assert.is((await ledger.ticketed(own)).id, hers.id);
      for (const set of [
        `entry = '${his.id}'`,
        `entry = '${his.id}', principal = 'bob'`,
        "expires_at = expires_at + 1000000",
        "principal = 'bob'",
      ]) {
        const forged = await ada.ticket(hers.id, { expiresAt: soon() });
        const [last] = await database.run(
          "SELECT id FROM tickets WHERE entry = ? ORDER BY created_at DESC, id",
          hers.id,
        );
        const before = await database.run("SELECT id FROM tickets");
        assert.ok(last && before.length > 0);
        await database.run(`UPDATE tickets SET ${set} WHERE entry = ?`, hers.id);
        await rejects(ledger.redeem(forged, { owner }), { code: "CORRUPT" });
        await rejects(ledger.ticketed(forged), { code: "CORRUPT" });
        await database.run("DELETE FROM tickets");
      }
    }));
}
