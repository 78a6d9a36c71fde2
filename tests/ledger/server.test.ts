import { deriveKey, type Ledger, openLedger } from "latchkey/ledger";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import postgres from "postgres";
import * as assert from "uvu/assert";
import { brokerGrants } from "../support/ledger/grants.js";
import { key } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("a PostgreSQL that goes away, and one that trusts nobody");
let server: PostgresServer;
test.before(async () => {
  server = await startPostgres();
});
test.after(async () => {
  await server[Symbol.asyncDispose]();
});

test("calls say UNAVAILABLE or wait as asked, and a watch goes on without a gap", async () => {
  const location = await server.location();
  await using ledger = await openLedger(location, { key });
  await using patient = await openPostgresLedger(location, { key, waitMs: 20_000 });
  const seen: string[] = [];
  const watching = (async () => {
    for await (const entry of ledger.watch()) {
      seen.push(`${entry.sessionId} ${entry.state}`);
      if (seen.length === 5) break;
    }
  })();
  await ledger.record(oauthRequest({ sessionId: "before" }));
  const busy = Array.from({ length: 20 }, (_, i) =>
    patient.record(oauthRequest({ sessionId: `during ${i % 1}`, requestId: "r" })),
  );
  await server.crash();
  await rejects(ledger.list(), { code: "UNAVAILABLE" });
  await rejects(ledger.record(oauthRequest()), { code: "UNAVAILABLE" });
  await rejects(openLedger(location, { key }), { code: "UNAVAILABLE" });
  const waiting = patient.record(oauthRequest({ sessionId: "while away" }));
  await server.start();
  await within(20_000, Promise.all([...busy, waiting]), "the patient calls");
  const after = await patient.record(oauthRequest({ sessionId: "after", principal: "bob" }));
  await patient.cancel(after.id);
  await within(10_000, watching, "the watch");
  assert.equal([...seen].sort(), ["after cancelled", "after open", "before open", "during 0 open", "while away open"]);
});

test("a connection that is cut in the middle of a transaction undoes it", async () => {
  const location = await server.location();
  await using ledger = await openPostgresLedger(location, { key, waitMs: 10_000 });
  const admin = postgres(server.url("postgres"), { max: 1 });
  const { id } = await ledger.record(oauthRequest());
  const working = (async () => {
    for (let i = 0; i < 60; i++)
      await ledger.record(oauthRequest({ principal: `p${i}`, requestId: `r${i}`, sessionId: "s" }));
  })();
  for (let i = 0; i < 10; i++) {
    await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'latchkey'`;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await within(20_000, working, "the records");
  assert.is((await ledger.list({ sessionId: "s" })).length, 60);
  assert.is((await ledger.get(id))?.state, "open");
  await admin.end();
});

test("a broker's role sees and answers its own principal's entries only", async () => {
  const location = await server.location();
  const schema = new URL(location).searchParams.get("schema") ?? "";
  await using keeper = await openLedger(location, { key });
  const mine = await keeper.record(oauthRequest({ principal: "ada", clientSecret: "S" }));
  const theirs = await keeper.record(oauthRequest({ principal: "bob" }));
  await keeper.answer((await keeper.record(oauthRequest({ principal: "bob", serverName: "other" }))).id, token("BOB"));
  const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => undefined });
  await admin.unsafe(brokerGrants({ schema, role: "ada_broker", principal: "ada", password: "ada" }));
  const url = `${server.url("postgres", { user: "ada_broker", password: "ada" })}?schema=${schema}`;
  await using broker: Ledger = await openLedger(url, { principal: "ada", key: deriveKey(key, "ada") });
  assert.equal(
    (await broker.list()).map(({ id }) => id),
    [mine.id],
  );
  assert.is(await broker.get(theirs.id), undefined);
  await rejects(broker.answer(theirs.id, token("X")), { code: "UNKNOWN_ENTRY" });
  assert.is(await broker.claim({ principal: "bob" }, { owner: "broker" }), undefined);
  const watching = broker.watch({ state: "answered" }).next();
  const claim = await broker.claim({ kind: "mcp.oauth_required" }, { owner: "broker" });
  assert.ok(claim);
  assert.is(claim.entry.id, mine.id);
  assert.is((await claim.secrets()).staticClientConfig?.clientSecret, "S");
  await claim.stash({ verifier: 1 });
  assert.is((await claim.answer(token("A"))).state, "answered");
  assert.is((await within(5000, watching, "the broker's watch")).value?.id, mine.id);
  assert.is((await broker.receipts(mine.id)).length, 2);
  assert.equal(await broker.receipts(theirs.id), []);
  // Neither by hand.
  const bare = postgres(server.url("postgres", { user: "ada_broker", password: "ada" }), { max: 1 });
  for (const table of ["entries", "credentials", "answers", "receipts", "given"]) {
    const rows = await bare.unsafe(`SELECT * FROM ${schema}.${table} WHERE principal IS DISTINCT FROM 'ada'`);
    assert.is(rows.length, 0, table);
  }
  for (const sql of [
    `DELETE FROM ${schema}.entries`,
    `UPDATE ${schema}.receipts SET state = 'open'`,
    `UPDATE ${schema}.entries SET data = '{}'`,
    `UPDATE ${schema}.answers SET sealed = ''`,
    `INSERT INTO ${schema}.receipts (entry, principal, at, state) VALUES ('x', 'bob', 0, 'open')`,
  ]) {
    await rejects(bare.unsafe(sql), { code: "42501" });
  }
  await bare.end();
  await admin.end();
  assert.equal((await keeper.deliver(mine.id, { owner: "keeper" }))?.answer, token("A"));
});
