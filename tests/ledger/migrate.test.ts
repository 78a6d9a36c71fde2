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
const fixed = (name: string): string => join(root, "tests/fixtures/ledger", name);

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`a ledger of an old format on ${engine}`);
  let place: Place;
  let server: PostgresServer | undefined;
  test.before(async () => {
    if (engine === "SQLite") place = await sqlitePlace();
    else place = server = await startPostgres();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  async function old(format: 1 | 2 | 3): Promise<string> {
    // Format 2 is format 3 without the column that this added.
    const location = await fixture(format === 1 ? 1 : 3);
    if (format !== 2) return location;
    await using database = raw(location);
    await database.run("ALTER TABLE receipts DROP COLUMN actor");
    await database.run("UPDATE meta SET value = 2 WHERE name = 'format'");
    return location;
  }

  /** What latchkey left then: the file, or what a dump of its schema holds. */
  async function fixture(from: 1 | 3): Promise<string> {
    const location = await place.location();
    if (server === undefined) {
      await mkdir(dirname(location), { recursive: true });
      await copyFile(fixed(`format-${from}.db`), location);
      return location;
    }
    const schema = new URL(location).searchParams.get("schema") ?? "";
    const sql = postgres(server.url("postgres"), { max: 1, onnotice: () => undefined });
    await sql.unsafe((await readFile(fixed(`format-${from}.sql`), "utf8")).replaceAll(`format_${from}`, schema));
    await sql.end();
    return location;
  }

  for (const format of [1, 2, 3] as const) {
    test(`format ${format} is migrated in place, by whoever comes first, and opens as before`, async () => {
      const location = await old(format);
      const ledgers = await Promise.all([1, 2, 3].map(() => openLedger(location, { key })));
      const [ledger] = ledgers;
      assert.ok(ledger);
      await using database = raw(location);
      const [now] = await database.run("SELECT value FROM meta WHERE name = 'format'");
      assert.is(Number(now?.value), 4);
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
        ...(format > 1 && { approvedInteractively: true }),
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
      const next = await ledger.record(oauthRequest({ sessionId: "next", scope: "next" }));
      const held = await (await ledger.claim({ id: next.id }, { owner: "broker" }))?.grant();
      await held?.keep({ refreshToken: "R" });
      assert.is((await ledger.grants())[0]?.state, "kept");
      const ticket = await ledger.ticket(entries.get("nobody open")?.id ?? "", {
        expiresAt: new Date(Date.now() + 60_000),
      });
      assert.is((await ledger.ticketed(ticket)).sessionId, "nobody");
      await Promise.all(ledgers.map((each) => each.close()));
    });

    if (format === 2) continue;

    test(`format ${format} stays shut to other keys, and what format 1 sealed to keys of principals`, async () => {
      const location = await old(format);
      await rejects(openLedger(location, { key: Buffer.alloc(32, 1) }), { code: "WRONG_KEY" });
      await using keeper = await openLedger(location, { key });
      await keeper.record(oauthRequest({ principal: "bob", scope: "another" }));
      await using bob = await openLedger(location, { principal: "bob", key: deriveKey(key, "bob") });
      const claiming = bob.claim({ sessionId: "open" }, { owner: "broker" });
      if (format === 1) await rejects(claiming, { code: "WRONG_KEY" });
      else assert.equal(await (await claiming)?.stashed(), { verifier: "bob-verifier" });
    });

    test(`format ${format} compares principal and credential, also where an old seal covers neither`, async () => {
      for (const set of [
        "credential = 'another'",
        "principal = 'bob'",
        "principal = NULL",
        "answer = (SELECT id FROM answers a WHERE a.credential <> entries.credential)",
      ]) {
        const location = await old(format);
        await using ledger = await openLedger(location, { key });
        await using database = raw(location);
        await database.run(`UPDATE entries SET ${set} WHERE session_id = 'answered'`);
        const [entry] = await ledger.list({ sessionId: "answered" });
        await rejects(ledger.deliver(entry?.id ?? "", { owner: "keeper" }), { code: "CORRUPT" });
      }
    });

    test(`format ${format} keeps a value that was moved from opening, and a new one from looking old`, async () => {
      const location = await old(format);
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
}
