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

/** An engine that tells of each transaction by its name, and of each reading as "read". */
async function toldOf(tell: (name: string) => void): Promise<Engine> {
  const engine = await sqliteEngine(":memory:");
  return {
    dialect: engine.dialect,
    read(rule) {
      tell("read");
      return engine.read(rule);
    },
    transact(name, rule) {
      tell(name);
      return engine.transact(name, rule);
    },
    listen: (wake) => engine.listen(wake),
    defaultKey: (make) => engine.defaultKey(make),
    close: () => engine.close(),
  };
}

test("claims of one process that wait for one grant ask for it one after another", async () => {
  let asked = 0;
  const engine = await toldOf((name) => {
    if (name === "hold") asked += 1;
  });
  await using ledger = await openLedgerOn(engine, { key });
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

test("many watches of a ledger look together for what is new and for what is due", async () => {
  let reads = 0;
  const engine = await toldOf((name) => {
    if (name === "read") reads += 1;
  });
  await using ledger = await openLedgerOn(engine, { key });
  const watches = Array.from({ length: 30 }, () => ledger.watch());
  const seen = Promise.all(watches.map((watch) => watch.next()));
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  reads = 0;
  const again = Promise.all(watches.map((watch) => seen.then(() => watch.next())));
  const { id } = await ledger.record(oauthRequest());
  for (const { value } of await seen) assert.is(value?.id, id);
  // Each reads the transition itself.
  assert.ok(reads <= 30 + 3, `${reads}`);
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  reads = 0;
  await ledger.cancel(id);
  for (const { value } of await again) assert.is(value?.state, "cancelled");
  assert.ok(reads <= 30 + 4, `${reads}`);
});

test("a claim without an owner is a TypeError", async () => {
  await using ledger = await openLedger(":memory:");
  await ledger.record(oauthRequest());
  await rejects(ledger.claim({}, { owner: "" }), TypeError);
  // @ts-expect-error the compiler refuses it as well
  await rejects(ledger.claim({}, {}), TypeError);
  assert.is((await ledger.claim({}, { owner: "broker" }))?.entry.state, "open");
});
