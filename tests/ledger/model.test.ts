import * as fc from "fast-check";
import { openLedger } from "latchkey/ledger";
import { type Step, walk } from "../../lib/testing/ledger/steps.js";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest } from "../support/ledger/requests.js";
import { suite } from "../support/suite.js";

const small = fc.nat({ max: 1 });
const nth = fc.nat({ max: 20 });
const only = <T extends string>(...names: readonly T[]) => fc.constantFrom(...names);

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: only("record"),
      session: small,
      principal: small,
      nth: fc.nat({ max: 9 }),
      refused: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: only("claim"), principal: small }) },
  { weight: 1, arbitrary: fc.record({ do: only("lost"), session: small }) },
  { weight: 1, arbitrary: fc.record({ do: only("settle"), nth, accepted: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: only("answer claim", "answer entry", "serve"), nth, value: small }) },
  { weight: 5, arbitrary: fc.record({ do: only("release", "deliver", "completed", "giveAgain", "cancel"), nth }) },
);

const walks = fc.array(steps, { minLength: 15, maxLength: 45, size: "max" });

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
    const property = fc.asyncProperty(walks, async (taken) => {
      const location = engine === "SQLite" ? ":memory:" : await place.location();
      await using ledger = await openLedger(location, { key });
      await walk(taken, { ledger, oauthRequest });
    });
    await fc.assert(property, { numRuns: engine === "SQLite" ? 60 : 8 });
  });
}
