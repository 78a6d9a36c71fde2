import { type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { type Raw, raw } from "./raw.js";
import { oauthRequest, permissionRequest, token } from "./requests.js";

interface Scenario {
  readonly ledger: Ledger;
  readonly database: Raw;
}

/** What every engine promises against whoever writes its database without the key. */
export function tamperingTests(test: Suite, place: () => Place): void {
  async function scenario(run: (scenario: Scenario) => Promise<void>): Promise<void> {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    await run({ ledger, database });
  }

  /** An answered entry of ada, and one more answer that the same credential had before. */
  async function answered({ ledger }: Scenario) {
    const earlier = await ledger.record(oauthRequest({ sessionId: "earlier", requestId: "r0" }));
    await ledger.answer(earlier.id, token("OLD"));
    await ledger.refuse(earlier.id);
    const entry = await ledger.record(oauthRequest({ sessionId: "s", requestId: "r1", clientSecret: "S" }));
    assert.is((await ledger.answer(entry.id, token("NEW"), { account: "ada@example.org" })).state, "answered");
    return { earlier, entry };
  }

  async function handsOutNothing({ ledger }: Scenario, id: string): Promise<void> {
    const before = await ledger.receipts(id);
    await rejects(ledger.deliver(id, { owner: "keeper" }), { code: "CORRUPT" });
    assert.equal(await ledger.receipts(id), before);
  }

  const moved: Record<string, string> = {
    "the server": "data = replace(data, 'files.example', 'evil.example')",
    "the metadata": `data = replace(data, '"reason":"initial"', '"reason":"initial","resourceMetadata":"{}"')`,
    "the session": "session_id = 'eve'",
    "the request": "request_id = 'eve'",
    "the principal": "principal = 'eve'",
    "nobody as the principal": "principal = NULL",
    "the intent": "intent = 'eve'",
    "the credential": "credential = 'eve'",
    "the time it came": "received_at = '2026-01-01T00:00:00.000Z'",
    "the time it ends": "expires_at = 9999999999999",
    "the place in the log": "anchor = 'eve'",
    "the trace that it is part of": "traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'",
    "its answer's proof": "answer_mac = NULL",
    "a byte of its seal": "sealed = substr(sealed, 1, length(sealed) - 6) || 'AAAAAA'",
    "its answer, to an older one":
      "answer = (SELECT a.id FROM answers a WHERE a.refused_at IS NOT NULL), answer_mac = (SELECT e.answer_mac FROM entries e WHERE e.session_id = 'earlier')",
  };
  for (const [what, set] of Object.entries(moved)) {
    test(`an answered entry is CORRUPT once somebody changed ${what}`, () =>
      scenario(async (at) => {
        const { entry } = await answered(at);
        await at.database.run(`UPDATE entries SET ${set} WHERE id = ?`, entry.id);
        await handsOutNothing(at, entry.id);
      }));
  }

  const answers: Record<string, string> = {
    "that it may be shared": "shared = 0",
    "whose account it is": "account = 'eve@example.org'",
    "its principal": "principal = 'eve'",
    "its credential": "credential = 'eve'",
    "its seal, to that of another": "sealed = (SELECT o.sealed FROM answers o WHERE o.refused_at IS NOT NULL)",
  };
  for (const [what, set] of Object.entries(answers)) {
    test(`an answer is CORRUPT once somebody changed ${what}`, () =>
      scenario(async (at) => {
        const { entry } = await answered(at);
        await at.database.run(`UPDATE answers SET ${set} WHERE refused_at IS NULL`);
        await handsOutNothing(at, entry.id);
      }));
  }

  test("an answer that serves one request is not handed to another by calling it shared", () =>
    scenario(async (at) => {
      const first = await at.ledger.record(oauthRequest());
      await at.ledger.answer(first.id, { kind: "cancelled" });
      await at.database.run("UPDATE answers SET shared = 1");
      const second = await at.ledger.record(oauthRequest({ requestId: "second" }));
      if (second.state === "answered") await handsOutNothing(at, second.id);
      await rejects(at.ledger.seeds(second.sessionId), { code: "CORRUPT" });
    }));

  test("an open entry that was changed is neither claimed nor answered", () =>
    scenario(async ({ ledger, database }) => {
      const { id } = await ledger.record(oauthRequest({ clientSecret: "S" }));
      await database.run("UPDATE entries SET data = replace(data, 'files.example', 'evil.example')");
      await rejects(ledger.claim({}, { owner: "broker" }), { code: "CORRUPT" });
      await rejects(ledger.answer(id, token("A")), { code: "CORRUPT" });
      assert.is((await ledger.get(id))?.state, "open");
      await database.run("UPDATE entries SET data = replace(data, 'evil.example', 'files.example')");
      const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker" });
      assert.is((await claim?.secrets())?.staticClientConfig?.clientSecret, "S");
      // Changed under a claim.
      await database.run("UPDATE entries SET data = replace(data, 'files.example', 'evil.example')");
      await rejects(claim?.request() ?? Promise.resolve(), { code: "CORRUPT" });
      await rejects(claim?.wanted() ?? Promise.resolve(), { code: "CORRUPT" });
      await rejects(claim?.answer(token("A")) ?? Promise.resolve(), { code: "CORRUPT" });
      assert.is((await ledger.get(id))?.state, "open");
    }));

  test("an entry whose credential was made somebody else's is nobody's to claim", () =>
    scenario(async ({ ledger, database }) => {
      const { id } = await ledger.record(oauthRequest());
      await database.run("UPDATE credentials SET principal = 'eve'");
      assert.is(await ledger.claim({}, { owner: "broker" }), undefined);
      assert.is((await ledger.get(id))?.state, "open");
      await database.run("UPDATE credentials SET principal = 'ada'");
      assert.is((await ledger.claim({}, { owner: "broker" }))?.entry.id, id);
    }));

  test("what is changed while the answer is unsealed is found out before anything is marked", () =>
    scenario(async (at) => {
      const { entry } = await answered(at);
      const wanted = async (): Promise<boolean> => {
        await at.database.run("UPDATE entries SET session_id = 'eve' WHERE id = ?", entry.id);
        return true;
      };
      await rejects(at.ledger.deliver(entry.id, { owner: "keeper", wanted }), { code: "CORRUPT" });
      assert.is((await at.ledger.get(entry.id))?.state, "answered");
    }));

  test("an entry that was turned to another's answer is given nothing, neither anew nor again", () =>
    scenario(async (at) => {
      const { ledger, database } = at;
      const bob = await ledger.record(oauthRequest({ principal: "bob" }));
      await ledger.answer(bob.id, token("BOB"));
      const theirs = "(SELECT answer FROM entries WHERE principal = 'bob' LIMIT 1)";
      const ada = await ledger.record(oauthRequest());
      await database.run(`UPDATE entries SET state = 'answered', answer = ${theirs} WHERE id = ?`, ada.id);
      await handsOutNothing(at, ada.id);
      await rejects(ledger.answer(ada.id, token("BOB")), { code: "CORRUPT" });
      await ledger.refuse(ada.id);
      assert.is((await ledger.record(oauthRequest({ principal: "bob" }))).state, "answered");
      const permission = await ledger.record(permissionRequest());
      await ledger.answer(permission.id, { kind: "approve-once" });
      await (await ledger.deliver(permission.id, { owner: "keeper" }))?.settle({ accepted: true });
      await database.run(`UPDATE entries SET answer = ${theirs} WHERE id = ?`, permission.id);
      await rejects(ledger.giveAgain(permission.id), { code: "CORRUPT" });
    }));

  test("a stash that was copied to another credential is CORRUPT", () =>
    scenario(async ({ ledger, database }) => {
      for (const principal of ["ada", "bob"]) {
        await ledger.record(oauthRequest({ principal }));
        const claim = await ledger.claim({ principal }, { owner: "broker" });
        await claim?.stash({ verifier: principal });
        await claim?.release();
      }
      await database.run("UPDATE credentials SET stash = (SELECT stash FROM credentials WHERE principal = 'bob')");
      const claim = await ledger.claim({ principal: "ada" }, { owner: "broker" });
      await rejects(claim?.stashed() ?? Promise.resolve(), { code: "CORRUPT" });
    }));

  test("what changes lawfully is no corruption", () =>
    scenario(async (at) => {
      const { entry } = await answered(at);
      await at.database.run("UPDATE entries SET endpoint = 'tcp://127.0.0.1:1', epoch = 'e2', updated_at = 1");
      assert.equal((await at.ledger.deliver(entry.id, { owner: "keeper" }))?.answer, token("NEW"));
    }));
}
