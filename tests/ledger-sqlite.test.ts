import { contractTests } from "./support/ledger/contract.js";
import { type Place, sqlitePlace } from "./support/ledger/place.js";
import { suite } from "./support/suite.js";

const test = suite("ledger on SQLite");
let place: Place;
test.before(async () => {
  place = await sqlitePlace();
});
test.after(async () => {
  await place[Symbol.asyncDispose]();
});

contractTests(test, () => place);
