import { amountTests } from "../support/ledger/amounts.js";
import { contractTests } from "../support/ledger/contract.js";
import { guardTests } from "../support/ledger/guards.js";
import { loadGuardTests } from "../support/ledger/guards-loads.js";
import { keyTests } from "../support/ledger/keys.js";
import { lifeTests } from "../support/ledger/life.js";
import { type Place, sqlitePlace } from "../support/ledger/place.js";
import { suite } from "../support/suite.js";

const test = suite("ledger on SQLite");
let place: Place;
test.before(async () => {
  place = await sqlitePlace();
});
test.after(async () => {
  await place[Symbol.asyncDispose]();
});

contractTests(test, () => place);
lifeTests(test, () => place);
keyTests(test, () => place);
amountTests(test, () => place);
guardTests(test, () => place);
loadGuardTests(test, () => place);
