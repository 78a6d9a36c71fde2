import { sqlitePlace } from "../support/ledger/place.js";
import { killedGrants } from "../support/oauth/killed-grants.js";

killedGrants("SQLite", sqlitePlace);
