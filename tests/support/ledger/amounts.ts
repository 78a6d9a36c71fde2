import { deliverAnswers } from "latchkey/keeper";
import { type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { oauthRequest, token } from "./requests.js";

/** Lengths of time that no lease has. */
const noLease: readonly unknown[] = [
  Number.POSITIVE_INFINITY,
  Number.NaN,
  0,
  -1,
  0.5,
  1500.5,
  2 ** 31,
  1e300,
  "1000",
  null,
];
const noAge: readonly unknown[] = [Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5, 1e300, "1000", null];
const noMoment: readonly unknown[] = [
  new Date("2026-13-45"),
  new Date("soon"),
  new Date(8.64e15 + 1),
  "2026-11-25",
  5,
  null,
];

/** Numbers and dates that cannot be counted: a TypeError, and nothing is written. Alike on every engine. */
export function amountTests(test: Suite, place: () => Place): void {
  const open = async (): Promise<Ledger> => await openLedger(await place().location(), { key });
  const call = (on: object, name: string, ...args: unknown[]) =>
    rejects(async () => await Reflect.apply(Reflect.get(on, name), on, args), { type: TypeError });

  test("a date that is none is refused, and nothing is written", async () => {
    await using ledger = await open();
    for (const expiresAt of noMoment) await call(ledger, "record", oauthRequest(), { expiresAt });
    assert.equal([...(await ledger.list())], []);
    const { id } = await ledger.record(oauthRequest());
    for (const expiresAt of noMoment) await call(ledger, "answer", id, token("t"), { expiresAt });
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.ok(claim);
    for (const expiresAt of noMoment) await call(claim, "answer", token("t"), { expiresAt });
    assert.is((await ledger.get(id))?.state, "open");
    assert.is((await ledger.receipts(id)).length, 1);
  });

  test("a lease that does not end, or ends at once, is refused, and nothing is locked", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    for (const leaseMs of noLease) await call(ledger, "claim", {}, { owner: "broker", leaseMs });
    const claim = await ledger.claim({}, { owner: "broker", leaseMs: 2 ** 31 - 1 });
    assert.ok(claim);
    const { until } = claim;
    for (const leaseMs of noLease) await call(claim, "extend", leaseMs);
    assert.is(await claim.wanted(), true);
    assert.equal(claim.until, until);
    await claim.answer(token("t"));
    for (const leaseMs of noLease) await call(ledger, "deliver", id, { owner: "deliverer", leaseMs });
    assert.is((await ledger.get(id))?.state, "answered");
    const delivery = await ledger.deliver(id, { owner: "deliverer" });
    assert.ok(delivery);
    for (const leaseMs of noLease) await call(delivery, "extend", leaseMs);
    for (const leaseMs of noLease)
      await rejects(() => Reflect.apply(deliverAnswers, undefined, [{}, ledger, { leaseMs }]), { type: TypeError });
  });

  test("an age, a limit or a wait that is none is refused", async () => {
    await using ledger = await open();
    await ledger.record(oauthRequest());
    for (const ms of noAge) {
      for (const name of ["minAgeMs", "maxAgeMs"]) {
        await call(ledger, "list", { [name]: ms });
        await call(ledger, "claim", { [name]: ms }, { owner: "broker" });
        await call(ledger, "watch", { [name]: ms });
      }
      await call(ledger, "prune", { entriesMs: ms });
      await call(ledger, "prune", { entriesMs: 0, receiptsMs: ms });
    }
    for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5"]) await call(ledger, "list", { limit });
    for (const waitMs of [-1, Number.NaN, "5", null]) await call(ledger, "claim", {}, { owner: "broker", waitMs });
    assert.is((await ledger.list({ minAgeMs: 0, maxAgeMs: 8.64e15 })).length, 1);
  });

  test("a wait longer than a timer can count waits", async () => {
    await using ledger = await open();
    const waiting = ledger.claim({}, { owner: "broker", waitMs: 2 ** 33 });
    await ledger.record(oauthRequest());
    assert.ok(await waiting);
  });
}
