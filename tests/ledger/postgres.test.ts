import { engineTests } from "../support/ledger/engine.js";
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

engineTests(test, () => server);
