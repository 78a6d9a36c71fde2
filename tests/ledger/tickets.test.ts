import { noticeTests } from "../support/ledger/notices.js";
import { type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { ticketTests } from "../support/ledger/tickets.js";
import { suite } from "../support/suite.js";

for (const [engine, start] of [
  ["SQLite", sqlitePlace],
  ["PostgreSQL", startPostgres],
] as const) {
  const test = suite(`tickets and notices on ${engine}`);
  let place: Place;
  test.before(async () => {
    place = await start();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });
  ticketTests(test, () => place);
  noticeTests(test, () => place);
}
