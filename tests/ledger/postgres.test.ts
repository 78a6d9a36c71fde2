import { amountTests } from "../support/ledger/amounts.js";
import { contractTests } from "../support/ledger/contract.js";
import { guardTests } from "../support/ledger/guards.js";
import { loadGuardTests } from "../support/ledger/guards-loads.js";
import { keyTests } from "../support/ledger/keys.js";
import { lifeTests } from "../support/ledger/life.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { suite } from "../support/suite.js";

const test = suite("ledger on PostgreSQL");
let server: PostgresServer;
test.before(async () => {
  server = await startPostgres();
});
test.after(async () => {
  await server[Symbol.asyncDispose]();
});

contractTests(test, () => server);
lifeTests(test, () => server);
keyTests(test, () => server);
amountTests(test, () => server);
guardTests(test, () => server);
loadGuardTests(test, () => server);
