import { grantGuardTests } from "../support/ledger/grant-guards.js";
import { grantTests } from "../support/ledger/held-grants.js";
import { type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { suite } from "../support/suite.js";

for (const [engine, start] of [
  ["SQLite", sqlitePlace],
  ["PostgreSQL", startPostgres],
] as const) {
  const test = suite(`grants on ${engine}`);
  let place: Place;
  test.before(async () => {
    place = await start();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });
  grantTests(test, () => place);
  grantGuardTests(test, () => place);
}
