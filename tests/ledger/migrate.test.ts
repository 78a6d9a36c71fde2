import { copyFile, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { deriveKey, openLedger } from "latchkey/ledger";
import postgres from "postgres";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { raw } from "../support/ledger/raw.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const fixture = (name: string): string => join(root, "tests/fixtures/ledger", name);

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`a ledger of format 1 on ${engine}`);
  let place: Place;
  let server: PostgresServer | undefined;
  test.before(async () => {
    if (engine === "SQLite") place = await sqlitePlace();
    else place = server = await startPostgres();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  /** What latchkey 0.1.0 left: the file, or what a dump of its schema holds. */
  async function old(): Promise<string> {
    const location = await place.location();
    if (server === undefined) {
      await mkdir(dirname(location), { recursive: true });
      await copyFile(fixture("format-1.db"), location);
      return location;
    }
    const schema = new URL(location).searchParams.get("schema") ?? "";
    const sql = postgres(server.url("postgres"), { max: 1, onnotice: () => undefined });
    await sql.unsafe((await readFile(fixture("format-1.sql"), "utf8")).replaceAll("format_1", schema));
    await sql.end();
    return location;
  }

  test("is migrated in place, by whoever comes first, and opens as before", async () => {
    const location = await old();
    const ledgers = await Promise.all([1, 2, 3].map(() => openLedger(location, { key })));
    const [ledger] = ledgers;
    assert.ok(ledger);
    await using database = raw(location);
    const [format] = await database.run("SELECT value FROM meta WHERE name = 'format'");
    assert.is(Number(format?.value), 4);
    const entries = new Map((await ledger.list()).map((entry) => [`${entry.sessionId} ${entry.state}`, entry]));
    assert.equal(
      [...entries.keys()].sort(),
      ["answered answered", "nobody open", "open open", "settled answered", "settled settled"].sort(),
    );
    const answered = entries.get("answered answered");
    assert.equal((await ledger.deliver(answered?.id ?? "", { owner: "keeper" }))?.answer, token("ADA"));
    const permission = entries.get("settled answered");
    assert.equal((await ledger.deliver(permission?.id ?? "", { owner: "keeper" }))?.answer, {
      kind: "approve-once",
    });
    assert.equal((await ledger.answer(answered?.id ?? "", token("ADA"))).state, "sent", "its digest is known");
    const claim = await ledger.claim({ kind: "mcp.oauth_required", principal: "bob" }, { owner: "broker" });
    assert.is((await claim?.secrets())?.staticClientConfig?.clientSecret, "open-secret");
    assert.equal(await claim?.stashed(), { verifier: "bob-verifier" });
    await claim?.answer(token("BOB"));
    assert.equal((await ledger.deliver(claim?.entry.id ?? "", { owner: "keeper" }))?.answer, token("BOB"));
    const [seed] = await ledger.seeds("settled");
    assert.equal(seed?.answer, token("ADA"));
    assert.is((await ledger.record(oauthRequest({ sessionId: "new" }))).state, "answered", "its answers serve on");
    assert.is((await ledger.receipts(entries.get("settled settled")?.id ?? "")).length, 4);
    await Promise.all(ledgers.map((each) => each.close()));
  });

  test("stays shut to other keys, and its values to those of principals", async () => {
    const location = await old();
    await rejects(openLedger(location, { key: Buffer.alloc(32, 1) }), { code: "WRONG_KEY" });
    await using keeper = await openLedger(location, { key });
    await keeper.record(oauthRequest({ principal: "bob", scope: "another" }));
    await using bob = await openLedger(location, { principal: "bob", key: deriveKey(key, "bob") });
    await rejects(bob.claim({ sessionId: "open" }, { owner: "broker" }), { code: "WRONG_KEY" });
  });

  test("compares principal and credential where an old seal covers neither", async () => {
    for (const set of [
      "credential = 'another'",
      "principal = 'bob'",
      "principal = NULL",
      "answer = (SELECT id FROM answers a WHERE a.credential <> entries.credential)",
    ]) {
      const location = await old();
      await using ledger = await openLedger(location, { key });
      await using database = raw(location);
      await database.run(`UPDATE entries SET ${set} WHERE session_id = 'answered'`);
      const [entry] = await ledger.list({ sessionId: "answered" });
      await rejects(ledger.deliver(entry?.id ?? "", { owner: "keeper" }), { code: "CORRUPT" });
    }
  });

  test("keeps a value that was moved from opening, and a new one from looking old", async () => {
    const location = await old();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    await database.run(
      "UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE session_id = 'nobody') WHERE session_id = 'open'",
    );
    await rejects(ledger.claim({ sessionId: "open" }, { owner: "broker" }), { code: "CORRUPT" });
    const { id } = await ledger.record(oauthRequest({ sessionId: "new", scope: "new" }));
    await ledger.answer(id, token("NEW"));
    await database.run("UPDATE entries SET answer_mac = NULL WHERE id = ?", id);
    await rejects(ledger.deliver(id, { owner: "keeper" }), { code: "CORRUPT" });
  });
}
