import { deriveKey, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { type Raw, raw } from "./raw.js";
import { oauthRequest, permissionRequest, token } from "./requests.js";

/** What every engine promises for notices. */
export function noticeTests(test: Suite, place: () => Place): void {
  async function scenario(
    run: (at: { ledger: Ledger; location: string; database: Raw }) => Promise<void>,
  ): Promise<void> {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    await run({ ledger, location, database });
  }

  const name = "pager";
  async function tell(ledger: Ledger, id: string): Promise<boolean> {
    const notice = await ledger.notice(id, { name });
    if (notice.state !== "ours") throw new Error(`it is ${notice.state}`);
    await notice.told();
    return notice.again;
  }
  const stateOf = async (ledger: Ledger, id: string, who = name) => (await ledger.notice(id, { name: who })).state;

  test("tells a need once for each name, whoever asks and whichever session waits", () =>
    scenario(async ({ ledger, location }) => {
      const [first, sibling] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest())];
      assert.is(await tell(ledger, first.id), false);
      await using other = await openLedger(location, { key });
      for (const { id } of [first, sibling]) assert.is(await stateOf(other, id), "told");
      assert.is(await stateOf(other, sibling.id, "mail"), "ours");
      assert.is(await stateOf(other, (await ledger.record(oauthRequest({ scope: "wider" }))).id), "ours");
      const lines = (await ledger.receipts(first.id)).map(({ state, event, reason }) => [state, event, reason]);
      assert.equal(lines, [
        ["open", undefined, undefined],
        ["open", "telling", name],
        ["open", "told", name],
      ]);
    }));

  test("tells again what somebody began and did not end, and what failed, and says so", () =>
    scenario(async ({ ledger, database }) => {
      const { id } = await ledger.record(oauthRequest());
      const begun = await ledger.notice(id, { name });
      assert.equal([begun.state, "again" in begun && begun.again], ["ours", false]);
      const busy = await ledger.notice(id, { name, leaseMs: 30_000 });
      assert.ok(busy.state === "busy" && busy.leftMs > 0 && busy.leftMs <= 30_000);
      await database.run("UPDATE receipts SET at = at - 60001 WHERE event = 'telling'");
      const next = await ledger.notice(id, { name });
      assert.ok(next.state === "ours" && next.again);
      await next.failed("the webhook answered with 503");
      assert.equal((await ledger.receipts(id)).at(-1)?.reason, "pager: the webhook answered with 503");
      assert.is(await stateOf(ledger, id, "page"), "ours", "a name is not the beginning of another");
      assert.is(await tell(ledger, id), true);
      assert.is(await stateOf(ledger, id), "told");
    }));

  test("a request that is asked again is the same need; one after an answer is a new one", () =>
    scenario(async ({ ledger }) => {
      const first = await ledger.record(oauthRequest({ sessionId: "s-1" }));
      await tell(ledger, first.id);
      await ledger.lost("s-1");
      assert.is(await stateOf(ledger, first.id), "over");
      const again = await ledger.record(oauthRequest({ sessionId: "s-1" }));
      assert.is(await stateOf(ledger, again.id), "told");
      await ledger.answer(again.id, token("A", 0));
      const refused = await ledger.record(oauthRequest({ sessionId: "s-1", reason: "refresh" }));
      assert.is(refused.state, "open");
      assert.is(await tell(ledger, refused.id), false);
      await ledger.cancel(refused.id);
      const last = await ledger.record(oauthRequest({ sessionId: "s-1", reason: "refresh" }));
      assert.is(await stateOf(ledger, last.id), "ours");
    }));

  test("only one of many that ask at once tells it", () =>
    scenario(async ({ ledger, location }) => {
      const { id } = await ledger.record(permissionRequest());
      const ledgers = await Promise.all(Array.from({ length: 4 }, () => openLedger(location, { key })));
      const states = await Promise.all(ledgers.map((one) => stateOf(one, id)));
      assert.equal(states.sort(), ["busy", "busy", "busy", "ours"]);
      await Promise.all(ledgers.map((one) => one.close()));
    }));

  test("shows nobody that another principal's entry is there, and watches do not see notices", () =>
    scenario(async ({ ledger, location }) => {
      const { id } = await ledger.record(oauthRequest());
      await ledger.record(oauthRequest({ principal: "bob" }));
      await using bobs = await openLedger(location, { key: deriveKey(key, "bob"), principal: "bob" });
      await rejects(bobs.notice(id, { name }), { code: "UNKNOWN_ENTRY" });
      await using adas = await openLedger(location, { key: deriveKey(key, "ada"), principal: "ada" });
      const transitions = ledger.watch({ id });
      const next = transitions.next();
      await tell(adas, id);
      await ledger.cancel(id);
      assert.is((await next).value?.state, "cancelled");
      await transitions.return?.();
    }));

  test("refuses a name or a time that is none", () =>
    scenario(async ({ ledger }) => {
      const { id } = await ledger.record(oauthRequest());
      for (const odd of ["", " ", "a b", "x".repeat(65), "ghp_abcdefghijklmnop1234", 'a"b'])
        await rejects(ledger.notice(id, { name: odd }), { name: "TypeError" });
      await rejects(ledger.notice(id, { name, leaseMs: 0 }), { name: "TypeError" });
      await rejects(ledger.notice("none", { name }), { code: "UNKNOWN_ENTRY" });
    }));
}
