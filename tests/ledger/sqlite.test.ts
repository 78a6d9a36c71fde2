import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { type Engine, type Rule, rows } from "../../lib/ledger/engine/engine.js";
import { sqliteEngine } from "../../lib/ledger/engine/sqlite.js";
import { openLedgerOn } from "../../lib/ledger/open.js";
import { engineTests } from "../support/ledger/engine.js";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { oauthRequest } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("ledger on SQLite");
let place: Place;
test.before(async () => {
  place = await sqlitePlace();
});
test.after(async () => {
  await place[Symbol.asyncDispose]();
});

engineTests(test, () => place);

/** Somebody else has the lease whenever a claim comes. */
function* snatched<T>(rule: () => Rule<T>): Rule<T> {
  yield* rows("UPDATE @credentials SET lease_until = 9000000000000");
  const result = yield* rule();
  yield* rows("UPDATE @credentials SET lease_until = 0");
  return result;
}

test("a claim that others are always faster than lets the event loop go on, and ends by its signal", async () => {
  const engine = await sqliteEngine(":memory:");
  let tries = 0;
  const busy: Engine = {
    dialect: engine.dialect,
    read: (rule) => engine.read(rule),
    listen: (wake) => engine.listen(wake),
    defaultKey: (make) => engine.defaultKey(make),
    close: () => engine.close(),
    transact(name, rule) {
      if (name !== "claim") return engine.transact(name, rule);
      tries += 1;
      if (tries > 1000) throw new Error("nothing else got a turn");
      return engine.transact(name, () => snatched(rule));
    },
  };
  await using ledger = await openLedgerOn(busy, { key });
  await ledger.record(oauthRequest());
  const aborting = new AbortController();
  setImmediate(() => aborting.abort(new RangeError("enough")));
  await rejects(ledger.claim({}, { owner: "broker", signal: aborting.signal }), RangeError);
  assert.ok(tries >= 1);
});

test("claims of one process that wait for one grant ask for it one after another", async () => {
  const engine = await sqliteEngine(":memory:");
  let asked = 0;
  const counting: Engine = {
    dialect: engine.dialect,
    read: (rule) => engine.read(rule),
    listen: (wake) => engine.listen(wake),
    defaultKey: (make) => engine.defaultKey(make),
    close: () => engine.close(),
    transact(name, rule) {
      if (name === "hold") asked += 1;
      return engine.transact(name, rule);
    },
  };
  await using ledger = await openLedgerOn(counting, { key });
  const claims = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const request = oauthRequest({
        principal: "ada",
        sessionId: `s${index}`,
        requestId: `r${index}`,
        scope: `s${index}`,
      });
      const { id } = await ledger.record(request);
      const claim = await ledger.claim({ id }, { owner: `broker ${index}` });
      assert.ok(claim);
      return claim;
    }),
  );
  const aborting = new AbortController();
  const [first, second, ...rest] = claims;
  assert.ok(first && second);
  const held = await first.grant();
  const impatient = second.grant({ signal: aborting.signal });
  const all = rest.map(async (claim) => (await claim.grant()).release());
  // Who stands before the others and gives up holds nobody up; who comes with no time is told at once.
  await rejects(second.grant({ waitMs: 0 }), { code: "CLAIMED" });
  aborting.abort(new RangeError("enough"));
  await rejects(impatient, RangeError);
  await held.release();
  await Promise.all(all);
  assert.ok(asked <= 2 * claims.length + 2, `${asked}`);
});

test("a claim without an owner is a TypeError", async () => {
  await using ledger = await openLedger(":memory:");
  await ledger.record(oauthRequest());
  await rejects(ledger.claim({}, { owner: "" }), TypeError);
  // @ts-expect-error the compiler refuses it as well
  await rejects(ledger.claim({}, {}), TypeError);
  assert.is((await ledger.claim({}, { owner: "broker" }))?.entry.state, "open");
});
