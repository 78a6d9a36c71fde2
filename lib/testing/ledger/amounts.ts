/** Numbers and dates that cannot be counted: a TypeError, and nothing is written. */
import assert from "node:assert/strict";
import { token } from "./asking.js";
import type { Cases } from "./given.js";

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

/** Calls a method with arguments that the compiler refuses. */
const call = (on: object, name: string, ...args: unknown[]): Promise<void> =>
  assert.rejects(async () => await Reflect.apply(Reflect.get(on, name), on, args), TypeError);

export const amountCases: Cases = {
  async "a date that is none is refused, and nothing is written"({ open, oauthRequest }) {
    await using ledger = await open();
    for (const expiresAt of noMoment) await call(ledger, "record", oauthRequest(), { expiresAt });
    assert.deepEqual([...(await ledger.list())], []);
    const { id } = await ledger.record(oauthRequest());
    for (const expiresAt of noMoment) await call(ledger, "answer", id, token("t"), { expiresAt });
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.ok(claim);
    for (const expiresAt of noMoment) await call(claim, "answer", token("t"), { expiresAt });
    assert.equal((await ledger.get(id))?.state, "open");
    assert.equal((await ledger.receipts(id)).length, 1);
  },

  async "a lease that does not end, or ends at once, is refused, and nothing is locked"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    for (const leaseMs of noLease) await call(ledger, "claim", {}, { owner: "broker", leaseMs });
    const claim = await ledger.claim({}, { owner: "broker", leaseMs: 2 ** 31 - 1 });
    assert.ok(claim);
    const { until } = claim;
    for (const leaseMs of noLease) await call(claim, "extend", leaseMs);
    assert.equal(await claim.wanted(), true);
    assert.deepEqual(claim.until, until);
    await claim.answer(token("t"));
    for (const leaseMs of noLease) await call(ledger, "deliver", id, { owner: "deliverer", leaseMs });
    assert.equal((await ledger.get(id))?.state, "answered");
    const delivery = await ledger.deliver(id, { owner: "deliverer" });
    assert.ok(delivery);
    for (const leaseMs of noLease) await call(delivery, "extend", leaseMs);
  },

  async "an age, a limit or a wait that is none is refused"({ open, oauthRequest }) {
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
    assert.equal((await ledger.list({ minAgeMs: 0, maxAgeMs: 8.64e15 })).length, 1);
  },

  async "a wait longer than a timer can count waits"({ open, oauthRequest }) {
    await using ledger = await open();
    const waiting = ledger.claim({}, { owner: "broker", waitMs: 2 ** 33 });
    await ledger.record(oauthRequest());
    assert.ok(await waiting);
  },
};
