import { deriveKey, type Ledger, openLedger } from "latchkey/ledger";
import postgres from "postgres";
import * as assert from "uvu/assert";
import { brokerGrants } from "../support/ledger/grants.js";
import { key } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { forgedAnswer, type Raw, raw } from "../support/ledger/raw.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

/** Ada's broker has her role, her key, and all the time that she needs. */
const test = suite("a hostile broker on PostgreSQL");
let server: PostgresServer;
let roles = 0;
test.before(async () => {
  server = await startPostgres();
});
test.after(async () => {
  await server[Symbol.asyncDispose]();
});

interface Scenario {
  readonly keeper: Ledger;
  /** What ada's broker can write by hand. */
  readonly hers: Raw;
  /** The same without the database's policies: what latchkey itself refuses. */
  readonly anybody: Raw;
  readonly adaUrl: string;
  /** Her entry, open, and bob's, answered. */
  readonly ada: Awaited<ReturnType<Ledger["record"]>>;
  readonly bob: Awaited<ReturnType<Ledger["record"]>>;
  readonly bobsAnswer: string;
}

const adaKey = deriveKey(key, "ada");

async function scenario(run: (scenario: Scenario) => Promise<void>): Promise<void> {
  const location = await server.location();
  const schema = new URL(location).searchParams.get("schema") ?? "";
  await using keeper = await openLedger(location, { key });
  const ada = await keeper.record(oauthRequest({ sessionId: "adas", clientSecret: "HERS" }));
  const bob = await keeper.record(oauthRequest({ sessionId: "bobs", principal: "bob", clientSecret: "HIS" }));
  await keeper.answer(bob.id, token("BOB"));
  const role = `ada_broker_${++roles}`;
  const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => undefined });
  await admin.unsafe(brokerGrants({ schema, role, principal: "ada", password: "ada" }));
  await admin.end();
  const adaUrl = `${server.url("postgres", { user: role, password: "ada" })}?schema=${schema}`;
  await using hers = raw(adaUrl);
  await using anybody = raw(location);
  const [pointer] = await anybody.run("SELECT answer FROM entries WHERE id = ?", bob.id);
  await run({ keeper, hers, anybody, adaUrl, ada, bob, bobsAnswer: String(pointer?.answer) });
}

/** By her role it is refused by the database; done all the same, it is refused by latchkey. */
async function forge({ hers, anybody }: Scenario, sql: string, ...params: readonly (string | number | null)[]) {
  await rejects(hers.run(sql, ...params), { code: "42501" });
  await anybody.run(sql, ...params);
}

const never = async (work: Promise<unknown>): Promise<void> => void (await rejects(work, { code: "CORRUPT" }));

test("works for her own principal with her own key", () =>
  scenario(async ({ keeper, adaUrl, ada }) => {
    await using broker = await openLedger(adaUrl, { principal: "ada", key: adaKey });
    const claim = await broker.claim({ kind: "mcp.oauth_required" }, { owner: "broker" });
    assert.is((await claim?.secrets())?.staticClientConfig?.clientSecret, "HERS");
    await claim?.stash({ verifier: 1 });
    await claim?.answer(token("ADA"), { account: "ada@example.org" });
    assert.equal((await keeper.deliver(ada.id, { owner: "keeper" }))?.answer, token("ADA"));
    await rejects(openLedger(adaUrl, { key: adaKey }), { code: "WRONG_KEY" });
    await rejects(openLedger(adaUrl, { principal: "ada", key: deriveKey(key, "bob") }), { code: "WRONG_KEY" });
  }));

test("inserts an answer under bob's credential", () =>
  scenario(async (at) => {
    const { keeper, anybody, bob } = at;
    await keeper.refuse(bob.id);
    const insert = `INSERT INTO answers (id, credential, principal, sealed, digest, shared, fence, created_at)
      VALUES (?, ?, ?, ?, 'x', 1, 999999, 1)`;
    for (const principal of ["ada", "bob"]) {
      const { id, sealed } = await forgedAnswer(adaKey, { credential: bob.credential, principal }, token("FORGED"));
      await forge(at, insert, id, bob.credential, principal, sealed);
      const next = await keeper.record(oauthRequest({ sessionId: `bobs ${principal}`, principal: "bob" }));
      if (principal === "ada") assert.is(next.state, "open", "it is not bob's");
      else await never(keeper.deliver(next.id, { owner: "keeper" }));
      if (principal === "ada") assert.equal(await keeper.seeds("bobs"), []);
      else await never(keeper.seeds("bobs"));
    }
    assert.is((await anybody.run("SELECT 1 AS found FROM entries WHERE state = 'sent'")).length, 0);
  }));

test("points her entry at bob's answer", () =>
  scenario(async ({ keeper, hers, ada, bobsAnswer }) => {
    // The row is hers to change, and so the database lets her.
    await hers.run("UPDATE entries SET state = 'answered', answer = ? WHERE id = ?", bobsAnswer, ada.id);
    await never(keeper.deliver(ada.id, { owner: "keeper" }));
    await hers.run("UPDATE entries SET state = 'settled' WHERE id = ?", ada.id);
    await never(keeper.giveAgain(ada.id));
    await keeper.refuse(ada.id);
    assert.is((await keeper.record(oauthRequest({ principal: "bob" }))).state, "answered", "bob's is good still");
  }));

test("makes herself answers that were never given, and gives old ones again", () =>
  scenario(async ({ keeper, hers, adaUrl, ada }) => {
    await using broker = await openLedger(adaUrl, { principal: "ada", key: adaKey });
    await broker.answer(ada.id, token("OLD"));
    await keeper.refuse(ada.id);
    const next = await keeper.record(oauthRequest({ sessionId: "adas too" }));
    await broker.answer(next.id, token("NEW"));
    await hers.run(
      `UPDATE entries SET answer = (SELECT answer FROM entries WHERE id = ?),
       answer_mac = (SELECT answer_mac FROM entries WHERE id = ?) WHERE id = ?`,
      ada.id,
      ada.id,
      next.id,
    );
    await never(keeper.deliver(next.id, { owner: "keeper" }));
  }));

test("forges receipts for bob's entry", () =>
  scenario(async (at) => {
    const { keeper, bob } = at;
    const before = await keeper.receipts(bob.id);
    const insert = "INSERT INTO receipts (entry, principal, at, state, done_by) VALUES (?, ?, 1, 'cancelled', 'bob')";
    await forge(at, insert, bob.id, "ada");
    await rejects(at.hers.run(insert, bob.id, "bob"), { code: "42501" });
    await rejects(
      at.hers.run("INSERT INTO receipts (entry, principal, at, state, seq) VALUES (?, 'ada', 1, 'open', 1)", at.ada.id),
      { code: "42501" },
    );
    await rejects(at.hers.run("UPDATE receipts SET state = 'open'"), { code: "42501" });
    // A state that is none, of her own entry, stops nobody who watches.
    await at.hers.run("INSERT INTO receipts (entry, principal, at, state) VALUES (?, 'ada', 1, 'x')", at.ada.id);
    assert.is((await keeper.receipts(at.ada.id)).length, 1);
    assert.equal(await keeper.receipts(bob.id), before);
    const watching = keeper.watch({ id: bob.id }, { after: String(before.at(-1)?.seq) });
    await (await keeper.deliver(bob.id, { owner: "keeper" }))?.settle({ accepted: true });
    assert.is((await watching.next()).value?.state, "sent", "the forged line is no transition of bob's entry");
    await watching.return?.();
  }));

test("says that bob's answer was refused, or that his question had it", () =>
  scenario(async (at) => {
    const { keeper, ada, bob, bobsAnswer } = at;
    const insert = "INSERT INTO given (intent, answer, principal, sent_at) VALUES (?, ?, 'ada', 1)";
    await forge(at, insert, ada.intent, bobsAnswer);
    const bare = "INSERT INTO given (intent, answer, principal) VALUES (?, ?, 'ada')";
    await rejects(at.hers.run(bare, ada.intent, bobsAnswer), { code: "42501" });
    await rejects(at.hers.run(bare, bob.intent, bobsAnswer), { code: "42501" });
    await keeper.record(oauthRequest({ sessionId: "adas", requestId: "again", reason: "refresh" }));
    const next = await keeper.record(oauthRequest({ sessionId: "bob's next", principal: "bob" }));
    assert.is(next.state, "answered");
    await forge(at, "UPDATE answers SET refused_at = NULL, shared = 1 WHERE id = ?", bobsAnswer);
    await at.anybody.run("UPDATE given SET principal = 'ada', sent_at = 1 WHERE intent = ?", next.intent);
    const again = await keeper.record(oauthRequest({ sessionId: "bob's next", requestId: "again", principal: "bob" }));
    assert.is(again.state, "answered", "what somebody else says about his question does not count");
    assert.equal(await at.hers.run("UPDATE given SET sent_at = 1 WHERE principal = 'bob' RETURNING intent"), []);
  }));

test("copies seals between rows, and moves rows to herself", () =>
  scenario(async (at) => {
    const { keeper, hers, ada, bob, bobsAnswer } = at;
    assert.equal(await hers.run("SELECT id FROM entries WHERE principal <> 'ada'"), []);
    assert.equal(await hers.run("SELECT kid FROM seals WHERE principal <> 'ada'"), []);
    assert.equal(await hers.run("UPDATE credentials SET lease_until = 9 WHERE principal = 'bob' RETURNING fence"), []);
    await rejects(hers.run("INSERT INTO seals (kid, proof, principal) VALUES ('x', 'x', 'ada')"), { code: "42501" });
    await rejects(hers.run("UPDATE meta SET value = 9"), { code: "42501" });
    await rejects(hers.run("SELECT setval('fences', 1)"), { code: "42501" });
    await rejects(hers.run("DELETE FROM entries"), { code: "42501" });
    await forge(
      at,
      "UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE id = ?) WHERE id = ?",
      bob.id,
      ada.id,
    );
    await never(keeper.claim({ id: ada.id }, { owner: "broker" }));
    // His entry called hers, to be claimed with her key.
    await forge(at, "UPDATE entries SET principal = 'ada' WHERE id = ?", bob.id);
    await never(keeper.deliver(bob.id, { owner: "keeper" }));
    await forge(at, "UPDATE answers SET principal = 'ada' WHERE id = ?", bobsAnswer);
    await never(keeper.deliver(bob.id, { owner: "keeper" }));
    await using broker = await openLedger(at.adaUrl, { principal: "ada", key: adaKey });
    await never(broker.deliver(bob.id, { owner: "broker" }));
  }));

test("sends her own question to bob's session", () =>
  scenario(async (at) => {
    const { keeper, ada } = at;
    await keeper.answer(ada.id, token("ADA"));
    await forge(at, "UPDATE entries SET session_id = 'bobs', request_id = 'his' WHERE id = ?", ada.id);
    await never(keeper.deliver(ada.id, { owner: "keeper" }));
  }));

test("keeps, spends and finds what is hers, and answers by a ticket of hers", () =>
  scenario(async ({ keeper, adaUrl, ada }) => {
    await using broker = await openLedger(adaUrl, { principal: "ada", key: adaKey });
    const claim = await broker.claim({ id: ada.id }, { owner: "broker" });
    const held = await claim?.grant();
    await held?.keep({ refreshToken: "R1", issuer: "https://as.example", scope: ["a"] });
    await held?.spend();
    await held?.unspent();
    await held?.extend();
    await held?.release();
    await claim?.stash({ verifier: 1 }, { tag: "STATE" });
    await claim?.release();
    const again = await broker.claim({ tag: "STATE" }, { owner: "broker" });
    assert.equal(await again?.stashed(), { verifier: 1 });
    const next = await again?.grant();
    await next?.forget();
    await next?.release();
    await again?.release();
    assert.equal(
      (await broker.grantReceipts(held?.id ?? "")).map(({ event }) => event),
      ["kept", "spending", "unspent", "forgotten"],
    );
    await broker.forget(held?.id ?? "");
    const ticket = await broker.ticket(ada.id, { expiresAt: new Date(Date.now() + 60_000) });
    await (await broker.redeem(ticket, { owner: "page" })).answer(token("ADA"));
    assert.equal((await keeper.deliver(ada.id, { owner: "keeper" }))?.answer, token("ADA"));
  }));

test("reads, repoints, holds, spends and forgets nothing of bob's grant", () =>
  scenario(async (at) => {
    const { keeper, hers, anybody, ada } = at;
    const keep = async (principal: string) => {
      await keeper.record(oauthRequest({ principal, scope: `next of ${principal}` }));
      await using claim = await keeper.claim({ principal }, { owner: "broker" });
      await using held = await claim?.grant();
      await held?.keep({ refreshToken: principal });
      return held?.id ?? "";
    };
    const [adas, bobs] = [await keep("ada"), await keep("bob")];
    assert.equal(await hers.run("SELECT id FROM grants WHERE principal <> 'ada'"), []);
    for (const set of ["state = 'none'", "state = 'spending'", "lease_until = 9", "sealed = NULL"])
      assert.equal(await hers.run(`UPDATE grants SET ${set} WHERE id = ? RETURNING id`, bobs), []);
    for (const set of ["principal = 'bob'", "grant_key = 'x'", "id = 'x'", "server = 'https://evil.example'"])
      await rejects(hers.run(`UPDATE grants SET ${set} WHERE id = ?`, adas), { code: "42501" });
    await rejects(hers.run("DELETE FROM grants"), { code: "42501" });
    const [his] = await anybody.run("SELECT grant_key FROM grants WHERE id = ?", bobs);
    const insert = `INSERT INTO grants (id, grant_key, principal, server, state, created_at, updated_at)
      VALUES (?, ?, ?, 'https://files.example/mcp', 'none', 1, 1)`;
    await rejects(hers.run(insert, "x", String(his?.grant_key), "bob"), { code: "42501" });
    await rejects(hers.run(insert, bobs, String(his?.grant_key), "ada"), { code: "23505" });
    // A row of her own under his name: the database lets her, and he finds his own.
    await anybody.run("DELETE FROM grants WHERE id = ?", adas);
    await hers.run(insert, "hers", String(his?.grant_key), "ada");
    await keeper.record(oauthRequest({ principal: "bob", scope: "last" }));
    const claim = await keeper.claim({ principal: "bob" }, { owner: "broker" });
    assert.equal((await claim?.grant())?.grant, { refreshToken: "bob" });
    const receipt = "INSERT INTO receipts (entry, principal, at, state, event) VALUES (?, ?, 1, 'none', 'forgotten')";
    const before = await keeper.grantReceipts(bobs);
    await forge(at, receipt, bobs, "ada");
    await rejects(hers.run(receipt, bobs, "bob"), { code: "42501" });
    assert.equal(await keeper.grantReceipts(bobs), before);
    await hers.run(receipt, ada.id, "ada");
    assert.equal(
      (await keeper.receipts(ada.id)).map(({ state }) => state),
      ["open"],
    );
  }));

test("makes and uses no ticket for bob's entry, and no tag of his", () =>
  scenario(async (at) => {
    const { keeper, hers, adaUrl, ada } = at;
    const his = await keeper.record(oauthRequest({ principal: "bob", scope: "his" }));
    const good = await keeper.ticket(his.id, { expiresAt: new Date(Date.now() + 60_000) });
    const claim = await keeper.claim({ id: his.id }, { owner: "broker" });
    await claim?.stash({ verifier: "HIS" }, { tag: "STATE" });
    await claim?.release();
    await using broker = await openLedger(adaUrl, { principal: "ada", key: adaKey });
    await rejects(broker.redeem(good, { owner: "ada" }), { code: "UNKNOWN_TICKET" });
    assert.is(await broker.claim({ tag: "STATE" }, { owner: "ada" }), undefined);
    assert.equal(await hers.run("SELECT id FROM tickets WHERE principal = 'bob'"), []);
    assert.equal(await hers.run("UPDATE tickets SET used_at = 1 WHERE principal = 'bob' RETURNING id"), []);
    const own = await broker.ticket(ada.id, { expiresAt: new Date(Date.now() + 60_000) });
    await rejects(hers.run("UPDATE tickets SET entry = ?", his.id), { code: "42501" });
    await rejects(hers.run("UPDATE tickets SET expires_at = 9999999999999"), { code: "42501" });
    const forged = "SELECT 'x', 'd', ?, ?, mac, 1, expires_at FROM tickets WHERE principal = 'ada'";
    const insert = `INSERT INTO tickets (id, digest, entry, principal, mac, created_at, expires_at) ${forged}`;
    await rejects(hers.run(insert, his.id, "ada"), { code: "42501" });
    await rejects(hers.run(insert, his.id, "bob"), { code: "42501" });
    await at.anybody.run("UPDATE tickets SET entry = ? WHERE principal = 'ada'", his.id);
    await never(keeper.redeem(own, { owner: "page" }));
  }));
