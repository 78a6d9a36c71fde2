import { startPostgres } from "../support/ledger/postgres-server.js";
import { killedGrants } from "../support/oauth/killed-grants.js";

killedGrants("PostgreSQL", () => startPostgres());
