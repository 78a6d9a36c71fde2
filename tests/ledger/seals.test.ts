import { type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { principalTests } from "../support/ledger/principals.js";
import { tamperingTests } from "../support/ledger/tampering.js";
import { suite } from "../support/suite.js";

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`seals and keys of principals on ${engine}`);
  let place: Place;
  test.before(async () => {
    place = engine === "SQLite" ? await sqlitePlace() : await startPostgres();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  principalTests(test, () => place);
  tamperingTests(test, () => place);
}
