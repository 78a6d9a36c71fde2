import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import postgres from "postgres";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

const mark = "MARKEDSECRET";
let marks = 0;
const secret = (): string => `${mark}${++marks}`;

function markedRequest() {
  return pendingRequest(
    {
      type: "mcp.oauth_required",
      data: {
        requestId: "r1",
        serverName: "files",
        serverUrl: `https://${secret()}:${secret()}@files.example/mcp?token=${secret()}#${secret()}`,
        reason: "initial",
        staticClientConfig: { clientId: "c", clientSecret: secret() },
        wwwAuthenticateParams: {
          scope: "read",
          resourceMetadataUrl: `https://files.example/meta?k=${secret()}`,
          unheardOf: secret(),
        },
        httpResponse: {
          statusCode: 401,
          headers: [{ name: "WWW-Authenticate", value: secret() }],
          body: secret(),
        },
        newField: { deep: [secret()] },
      },
    },
    { sessionId: "s", principal: "ada" },
  );
}

function noneIn(what: string, text: string | Buffer): void {
  assert.is(text.includes(mark), false, `a secret is readable in ${what}`);
}

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`secrets in a ledger on ${engine}`);
  let place: Place;
  test.before(async () => {
    place = engine === "SQLite" ? await sqlitePlace() : await startPostgres();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  test("nothing planted is readable anywhere", async () => {
    const location = await place.location();
    const ledger = await openLedger(location, { key });
    const shown: unknown[] = [];
    const request = markedRequest();
    shown.push(request, ledger);
    const entry = await ledger.record(request);
    const watching = ledger.watch().next();
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.ok(claim);
    assert.is(JSON.stringify(await claim.secrets()).includes(mark), true);
    await claim.stash({ verifier: secret(), state: secret() }, { tag: secret() });
    const held = await claim.grant();
    await held.keep({
      accessToken: secret(),
      refreshToken: secret(),
      issuer: `https://u:${secret()}@as.example/?k=${secret()}`,
    });
    await held.spend();
    await held.release();
    shown.push(held, await rejects(held.spend(), { code: "FENCED" }));
    const again = await claim.grant();
    await again.forget({ reason: `token=${secret()}` });
    shown.push(again, await rejects(again.spend(), { code: "CONFLICT" }));
    await again.release();
    shown.push(await ledger.grants({ state: "none" }), await ledger.grantReceipts(held.id));
    shown.push(entry, claim);
    shown.push(await rejects(ledger.answer(entry.id, token(secret()))));
    const wrong = { kind: "token", accessToken: secret(), tokenType: 5, extra: secret() };
    shown.push(await rejects(claim.answer(JSON.parse(JSON.stringify(wrong)))));
    shown.push(await claim.answer(token(secret()), { account: "ada@example" }));
    shown.push(await rejects(claim.answer(token(secret())), { code: "CONFLICT" }));
    shown.push(await rejects(claim.stash("late"), { code: "FENCED" }));
    const delivery = await ledger.deliver(entry.id, { owner: "keeper" });
    shown.push(await delivery?.settle({ accepted: true }));
    shown.push(await watching, await ledger.list(), await ledger.receipts(entry.id));
    shown.push(await rejects(openLedger(location, { key: Buffer.alloc(32, 9) }), { code: "WRONG_KEY" }));
    for (const value of shown) {
      noneIn("util.inspect", inspect(value, { depth: 20, showHidden: true }));
      noneIn("JSON.stringify", JSON.stringify(value) ?? "");
    }
    // Read while it is open: the journal holds what the database has yet to take over.
    for (const [what, bytes] of await kept(location)) noneIn(what, bytes);
    await ledger.close();
    for (const [what, bytes] of await kept(location)) noneIn(what, bytes);
  });

  /** What the database keeps: its files, or every row of every table as text. */
  async function kept(location: string): Promise<[string, string | Buffer][]> {
    if (engine === "SQLite") {
      const dir = dirname(location);
      const names = (await readdir(dir)).filter((name) => !name.endsWith(".key"));
      assert.ok(names.includes("ledger.db"));
      return await Promise.all(
        names.map(async (name): Promise<[string, Buffer]> => [name, await readFile(join(dir, name))]),
      );
    }
    const url = new URL(location);
    const schema = url.searchParams.get("schema") ?? "";
    url.searchParams.delete("schema");
    const sql = postgres(url.href, { max: 1 });
    const tables = await sql`SELECT table_name FROM information_schema.tables WHERE table_schema = ${schema}`;
    assert.ok(tables.length >= 7);
    const found: [string, string][] = [];
    for (const { table_name: name } of tables) {
      found.push([name, JSON.stringify(await sql.unsafe(`SELECT t::text FROM "${schema}"."${name}" t`))]);
    }
    await sql.end();
    return found;
  }

  test("refuses a newer format before anything is changed", async () => {
    const location = await place.location();
    await (await openLedger(location, { key })).close();
    await pretend(location);
    await rejects(openLedger(location, { key }), { code: "NEWER_FORMAT" });
  });

  async function pretend(location: string): Promise<void> {
    if (engine === "SQLite") {
      const { DatabaseSync } = await import("@photostructure/sqlite");
      const database = new DatabaseSync(location);
      database.exec("UPDATE meta SET value = 99 WHERE name = 'format'");
      database.close();
      return;
    }
    const url = new URL(location);
    const schema = url.searchParams.get("schema") ?? "";
    url.searchParams.delete("schema");
    const sql = postgres(url.href, { max: 1 });
    await sql.unsafe(`UPDATE "${schema}".meta SET value = 99 WHERE name = 'format'`);
    await sql.end();
  }
}

const test = suite("files of a ledger on SQLite");

test("belong to their owner alone, the key file too", async () => {
  await using place = await sqlitePlace();
  const location = await place.location();
  const mask = process.umask(0);
  try {
    await using ledger = await openLedger(location);
    await ledger.record(oauthRequest());
    const dir = dirname(location);
    assert.is((await stat(dir)).mode & 0o777, 0o700);
    const names = await readdir(dir);
    assert.equal(names.sort(), ["ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.db.key"]);
    for (const name of names) assert.is((await stat(join(dir, name))).mode & 0o777, 0o600, name);
  } finally {
    process.umask(mask);
  }
});

test("a ledger whose key file is gone or another one stays shut", async () => {
  await using place = await sqlitePlace();
  const location = await place.location();
  const first = await openLedger(location);
  const { id } = await first.record(oauthRequest({ clientSecret: "S" }));
  await first.close();
  const file = `${location}.key`;
  const original = await readFile(file);
  await writeFile(file, Buffer.alloc(32, 5).toString("base64url"));
  await rejects(openLedger(location), { code: "WRONG_KEY" });
  await writeFile(file, "");
  await rejects(openLedger(location), { code: "WRONG_KEY" });
  await rm(file);
  await rejects(openLedger(location), { code: "WRONG_KEY" });
  await rejects(stat(file), { code: "ENOENT" });
  await writeFile(file, original);
  await using again = await openLedger(location);
  assert.is((await again.get(id))?.state, "open");
});

test("a sealed value that was moved to another row does not open", async () => {
  await using place = await sqlitePlace();
  const location = await place.location();
  const first = await openLedger(location);
  const mine = await first.record(oauthRequest({ principal: "ada", clientSecret: "S" }));
  const theirs = await first.record(oauthRequest({ principal: "eve" }));
  await first.answer((await first.record(oauthRequest({ principal: "ada", requestId: "r" }))).id, token("ADA"));
  await first.answer(theirs.id, token("EVE"));
  await first.close();
  const { DatabaseSync } = await import("@photostructure/sqlite");
  const database = new DatabaseSync(location);
  database.exec(`UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE id = '${mine.id}'), state = 'open',
    answer = NULL WHERE id = '${theirs.id}'`);
  database.exec(
    `UPDATE answers SET sealed = (SELECT sealed FROM answers WHERE principal = 'eve') WHERE principal = 'ada'`,
  );
  database.close();
  await using ledger = await openLedger(location);
  await rejects(ledger.claim({ id: theirs.id }, { owner: "eve" }), { code: "CORRUPT" });
  await rejects(ledger.deliver(mine.id, { owner: "keeper" }), { code: "CORRUPT" });
  assert.is(await ledger.deliver(mine.id, { owner: "keeper", wanted: async () => false }), undefined);
});

test("openers that come at once agree on one new key", async () => {
  await using place = await sqlitePlace();
  const location = await place.location();
  const ledgers = await Promise.all(Array.from({ length: 5 }, () => openLedger(location)));
  const entry = await ledgers[0]?.record(oauthRequest({ clientSecret: "S" }));
  const claim = await ledgers[4]?.claim({ kind: "mcp.oauth_required", id: entry?.id }, { owner: "broker" });
  assert.is((await claim?.secrets())?.staticClientConfig?.clientSecret, "S");
  await Promise.all(ledgers.map((ledger) => ledger.close()));
});

test("a ledger in memory keeps nothing", async () => {
  await using ledger = await openLedger(":memory:");
  const { id } = await ledger.record(oauthRequest());
  assert.is((await ledger.get(id))?.state, "open");
  await using other = await openLedger(":memory:");
  assert.is(await other.get(id), undefined);
});
