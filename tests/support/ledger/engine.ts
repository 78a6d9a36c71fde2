import { openLedger } from "latchkey/ledger";
import { ledgerContract } from "latchkey/testing";
import * as assert from "uvu/assert";
import { elsewhere } from "../../../lib/testing/ledger/asking.js";
import { lapse } from "../../../lib/testing/ledger/given.js";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { raw } from "./raw.js";
import { oauthRequest, permissionRequest, token } from "./requests.js";

/** What every store promises, and what an engine of ours does about rows that somebody else has changed. */
export function engineTests(test: Suite, place: () => Place): void {
  const locations = new Map<string, Promise<string>>();
  ledgerContract(
    async (name, options) => {
      const location = locations.get(name) ?? place().location();
      locations.set(name, location);
      return await openLedger(await location, options);
    },
    { test },
  );
  tamperingTests(test, place);
}

function tamperingTests(test: Suite, place: () => Place): void {
  const other = { serverName: "other", serverUrl: "https://other.example/mcp" };

  test("an entry has no answer of another credential, and a refusal is not about one", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const [mine, its] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest(other))];
    await ledger.answer(its.id, token("ITS"));
    await database.run("UPDATE entries SET answer = (SELECT id FROM answers) WHERE id = ?", mine.id);
    await rejects(ledger.answer(mine.id, token("ITS")), { code: "CORRUPT" });
    await ledger.refuse(mine.id);
    assert.is((await ledger.record(oauthRequest(other))).state, "answered");
  });

  test("an answer that outlives its request is kept for its own principal alone", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const { id, sessionId } = await ledger.record(oauthRequest());
    await ledger.lost(sessionId);
    await database.run("UPDATE credentials SET principal = 'bob'");
    await rejects(ledger.answer(id, token("A")), { code: "CORRUPT" });
    assert.equal(await database.run("SELECT id FROM answers"), []);
  });

  test("an answer that is turned to another one while it is unsealed is not marked as sent", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const old = await ledger.record(oauthRequest({ sessionId: "s0" }));
    await ledger.answer(old.id, token("OLD"));
    await ledger.refuse(old.id);
    const { id } = await ledger.record(oauthRequest({ sessionId: "s1" }));
    await ledger.answer(id, token("NEW"));
    const turn = "UPDATE entries SET answer = (SELECT o.answer FROM entries o WHERE o.session_id = 's0') WHERE id = ?";
    const wanted = async (): Promise<boolean> => {
      await database.run(turn, id);
      return true;
    };
    assert.is(await ledger.deliver(id, { owner: "keeper", wanted }), undefined);
    assert.is((await ledger.get(id))?.state, "answered");
  });

  test("what is changed between the look at a row and the write is found out", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const asked = await ledger.record(permissionRequest());
    // The seal is opened in a thread: what is read and what is written have at least a turn of the event loop between them.
    const meanwhile = async (set: string): Promise<void> => {
      for (let i = 0; i < 20; i++) await undefined;
      await database.run(`UPDATE entries SET ${set}`);
    };
    if (place().engine === "sqlite") {
      const answering = rejects(ledger.answer(asked.id, { kind: "approve-once" }), { code: "CORRUPT" });
      await meanwhile("request_id = 'eve'");
      await answering;
      await database.run("UPDATE entries SET request_id = ?", asked.requestId);
      const [row] = await database.run("SELECT sealed FROM entries");
      const again = rejects(ledger.answer(asked.id, { kind: "approve-once" }), { code: "CORRUPT" });
      await meanwhile("sealed = 'x'");
      await again;
      await database.run("UPDATE entries SET sealed = ?", String(row?.sealed));
    }
    await ledger.answer(asked.id, { kind: "approve-once" });
    await (await ledger.deliver(asked.id, { owner: "keeper" }))?.settle({ accepted: true });
    if (place().engine === "sqlite") {
      const giving = rejects(ledger.giveAgain(asked.id), { code: "CORRUPT" });
      await meanwhile("request_id = 'eve'");
      await giving;
      await database.run("UPDATE entries SET request_id = ?", asked.requestId);
      await database.run(
        `INSERT INTO answers (id, credential, principal, sealed, digest, shared, fence, created_at)
         SELECT 'other', credential, principal, sealed, digest, shared, fence, created_at FROM answers`,
      );
      const other = ledger.giveAgain(asked.id);
      await meanwhile("answer = 'other'");
      assert.is(await other, undefined);
      await database.run("UPDATE entries SET answer = (SELECT id FROM answers WHERE id <> 'other')");
    }
    assert.equal(await ledger.giveAgain(asked.id), { kind: "approve-once" });
  });

  test("what is pruned is what is over: good answers stay, refused ones and those for one request go", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using database = raw(location);
    const [good, once, refused, waiting] = [elsewhere(), elsewhere(), elsewhere(), elsewhere()];
    for (const [at, answer] of [
      [good, token("GOOD")],
      [once, { kind: "cancelled" }],
      [refused, token("BAD")],
    ] as const) {
      const { id } = await ledger.record(oauthRequest(at));
      await ledger.answer(id, answer);
      await (await ledger.deliver(id, { owner: "keeper" }))?.settle({ accepted: true });
      if (at === refused) await ledger.refuse(id);
    }
    await ledger.record(oauthRequest(waiting));
    // It waits for another answer than the refused one, which so serves nobody.
    await ledger.record(oauthRequest(refused));
    await lapse(5);
    assert.is((await ledger.prune({ entriesMs: 0 })).entries, 3);
    const count = async (name: string) => Number((await database.run(`SELECT COUNT(*) AS n FROM ${name}`))[0]?.n);
    assert.equal(await Promise.all(["entries", "given", "answers", "credentials"].map(count)), [2, 0, 1, 3]);
    assert.is((await ledger.record(oauthRequest(good))).state, "answered");
    assert.is((await ledger.record(oauthRequest(refused))).state, "open");
  });

  test("takes the key of the environment", async () => {
    const location = await place().location();
    process.env.LATCHKEY_KEY = Buffer.alloc(32, 3).toString("base64url");
    try {
      await (await openLedger(location)).close();
    } finally {
      delete process.env.LATCHKEY_KEY;
    }
    await (await openLedger(location, { key: Buffer.alloc(32, 3) })).close();
    await rejects(openLedger(location, { key: Buffer.alloc(32, 4) }), { code: "WRONG_KEY" });
  });
}
