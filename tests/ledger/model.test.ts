import * as fc from "fast-check";
import { type Claim, type Delivery, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { Model, type ModelEntry, type Outcome } from "../support/ledger/model.js";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { suite } from "../support/suite.js";

interface Real {
  readonly location: string;
  ledger: Ledger;
  /** The ledger's id of each of the model's entries. */
  readonly ids: Map<ModelEntry, string>;
  readonly claims: { claim: Claim; entry: ModelEntry }[];
  readonly deliveries: { delivery: Delivery; entry: ModelEntry }[];
}

type Command = fc.AsyncCommand<Model, Real> & { [fc.toStringMethod](): string };

/** Ids are UUIDs and entries of one millisecond have no order of their own; a claim takes any of them. */
const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(list.length, 1)];

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => "ok",
    (error: { code?: string }) => error.code ?? String(error),
  );

function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    toString: () => name,
    [fc.toStringMethod]: () => name,
    async run(model, real) {
      await run(model, real);
      await compare(model, real);
    },
  };
}

/** The whole ledger against the whole model, after every command. */
async function compare(model: Model, { ledger, ids }: Real): Promise<void> {
  const found = new Map((await ledger.list()).map((entry) => [entry.id, entry]));
  assert.is(found.size, model.entries.length);
  for (const entry of model.entries) {
    const id = ids.get(entry) ?? "";
    const real = found.get(id);
    const successor = model.entries.find(
      (other) => other.requestId === entry.successor && other.intent === entry.intent,
    );
    assert.equal(
      [real?.state, real?.outcome, real?.successor],
      [entry.state, entry.outcome, successor && ids.get(successor)],
      `entry ${entry.requestId}`,
    );
    assert.equal(
      (await ledger.receipts(id)).map(({ state }) => state),
      entry.history,
    );
  }
}

const small = fc.nat({ max: 1 });
const any = fc.nat({ max: 20 });

/** The first, `record`, comes as often as two others. */
const [record, ...others]: [fc.Arbitrary<Command>, ...fc.Arbitrary<Command>[]] = [
  fc.tuple(small, small, fc.nat({ max: 9 }), fc.boolean()).map(([session, principal, n, refused]) =>
    command(
      `record(session ${session}, principal ${principal}, r${n}${refused ? ", refresh" : ""})`,
      async (model, real) => {
        const requestId = `r${n}`;
        model.record(session, principal, requestId, refused);
        const entry = await real.ledger.record(
          oauthRequest({
            sessionId: `s${session}`,
            principal: `p${principal}`,
            requestId,
            reason: refused ? "refresh" : "initial",
          }),
        );
        const mine = model.entries.find((other) => other.session === session && other.requestId === requestId);
        assert.ok(mine);
        if (real.ids.has(mine)) assert.is(real.ids.get(mine), entry.id);
        real.ids.set(mine, entry.id);
        // The clock of the database counts milliseconds; what comes next is younger.
        await new Promise((resolve) => setTimeout(resolve, 2));
      },
    ),
  ),
  small.map((principal) =>
    command(`claim(principal ${principal})`, async (model, real) => {
      const expected = model.claim(principal, real.claims.length);
      const claim = await real.ledger.claim({ principal: `p${principal}` }, { owner: "model" });
      assert.is(claim?.entry.id, expected && real.ids.get(expected));
      if (claim !== undefined && expected !== undefined) real.claims.push({ claim, entry: expected });
    }),
  ),
  any.map((n) =>
    command(`release(claim ${n})`, async (model, real) => {
      const held = pick(real.claims, n);
      if (held === undefined) return;
      model.release(real.claims.indexOf(held));
      await held.claim.release();
    }),
  ),
  fc.tuple(any, small).map(([n, value]) =>
    command(`claim ${n}.answer(t${value})`, async (model, real) => {
      const held = pick(real.claims, n);
      if (held === undefined) return;
      const expected: Outcome = model.answer(held.entry, `t${value}`, real.claims.indexOf(held));
      assert.is(await codeOf(held.claim.answer(token(`t${value}`))), expected);
    }),
  ),
  fc.tuple(any, small).map(([n, value]) =>
    command(`answer(entry ${n}, t${value})`, async (model, real) => {
      const entry = pick(model.entries, n);
      if (entry === undefined) return;
      const expected = model.answer(entry, `t${value}`);
      assert.is(await codeOf(real.ledger.answer(real.ids.get(entry) ?? "", token(`t${value}`))), expected);
    }),
  ),
  any.map((n) =>
    command(`deliver(entry ${n})`, async (model, real) => {
      const entry = pick(model.entries, n);
      if (entry === undefined) return;
      const expected = model.deliver(entry, real.deliveries.length);
      const delivery = await real.ledger.deliver(real.ids.get(entry) ?? "", { owner: "model" });
      assert.equal(delivery?.answer, expected === undefined ? undefined : token(expected));
      if (delivery !== undefined) real.deliveries.push({ delivery, entry });
    }),
  ),
  // The straight way in one step, so that what comes after it is reached often.
  fc.tuple(any, small).map(([n, value]) =>
    command(`serve(entry ${n}, t${value})`, async (model, real) => {
      const entry = pick(model.entries, n);
      if (entry === undefined) return;
      const id = real.ids.get(entry) ?? "";
      const expected = model.answer(entry, `t${value}`);
      assert.is(await codeOf(real.ledger.answer(id, token(`t${value}`))), expected);
      const number = real.deliveries.length;
      const sent = model.deliver(entry, number);
      const delivery = await real.ledger.deliver(id, { owner: "model" });
      assert.equal(delivery?.answer, sent === undefined ? undefined : token(sent));
      if (delivery === undefined) return;
      real.deliveries.push({ delivery, entry });
      assert.is(await codeOf(delivery.settle({ accepted: true })), model.settle(entry, number, true));
    }),
  ),
  fc.tuple(any, fc.boolean()).map(([n, accepted]) =>
    command(`delivery ${n}.settle(${accepted})`, async (model, real) => {
      const out = pick(real.deliveries, n);
      if (out === undefined) return;
      const expected = model.settle(out.entry, real.deliveries.indexOf(out), accepted);
      assert.is(await codeOf(out.delivery.settle({ accepted })), expected);
    }),
  ),
  any.map((n) =>
    command(`completed(entry ${n})`, async (model, real) => {
      const entry = pick(model.entries, n);
      if (entry === undefined) return;
      model.complete(entry);
      const { requestId, session } = entry;
      await real.ledger.completed({ kind: "mcp.oauth_required", sessionId: `s${session}`, requestId });
    }),
  ),
  any.map((n) =>
    command(`giveAgain(entry ${n})`, async (model, real) => {
      const entry = pick(model.entries, n);
      if (entry === undefined) return;
      const expected = model.again(entry);
      const given = await real.ledger.giveAgain(real.ids.get(entry) ?? "");
      assert.equal(given, expected === undefined ? undefined : token(expected));
    }),
  ),
  any.map((n) =>
    command(`cancel(entry ${n})`, async (model, real) => {
      const entry = pick(model.entries, n);
      if (entry === undefined) return;
      assert.is(await codeOf(real.ledger.cancel(real.ids.get(entry) ?? "")), model.cancel(entry));
    }),
  ),
  small.map((session) =>
    command(`lost(session ${session})`, async (model, real) => {
      model.lose(session);
      await real.ledger.lost(`s${session}`);
    }),
  ),
];

const sequences = fc.array(
  fc.oneof({ arbitrary: record, weight: 2 }, ...others.map((arbitrary) => ({ arbitrary, weight: 1 }))),
  { minLength: 15, maxLength: 45, size: "max" },
);

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`the model and ${engine}`, { timeoutMs: 90_000 });
  let place: Place;
  test.before(async () => {
    place = engine === "SQLite" ? await sqlitePlace() : await startPostgres();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  test("agree after every command", async () => {
    const property = fc.asyncProperty(sequences, async (steps) => {
      const location = engine === "SQLite" ? ":memory:" : await place.location();
      await using ledger = await openLedger(location, { key });
      const setup = () => ({
        model: new Model(),
        real: { location, ledger, ids: new Map(), claims: [], deliveries: [] },
      });
      await fc.asyncModelRun(setup, steps);
    });
    await fc.assert(property, { numRuns: engine === "SQLite" ? 120 : 15 });
  });
}
