import { deriveKey, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import type { Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { raw } from "./raw.js";
import { oauthRequest, token } from "./requests.js";

/** What ends with one load, session or question ends for no other: each test names the comparisons that it is about. */
export function loadGuardTests(test: Suite, place: () => Place): void {
  const open = async (): Promise<Ledger> => await openLedger(await place().location(), { key });
  /** Times are told apart by the millisecond. */
  const lapse = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  let servers = 0;
  const elsewhere = () => ({ serverName: `server-${++servers}`, serverUrl: `https://server-${servers}.example/mcp` });

  /** Records one question after the other, each to a server of its own, and says what state each is in at the end. */
  async function states(ledger: Ledger, asked: readonly (readonly [sessionId: string, epoch: string | undefined])[]) {
    const ids: string[] = [];
    for (const [sessionId, epoch] of asked) {
      ids.push((await ledger.record(oauthRequest({ sessionId, ...elsewhere() }), { epoch })).id);
      await lapse();
    }
    return await Promise.all(ids.map(async (id) => (await ledger.get(id))?.state));
  }

  test("an epoch is over when its own session has had a newer one, and not before", async () => {
    await using ledger = await open();
    const straight = [
      ["a", "A"],
      ["a", "A"],
      ["a", "A"],
    ] as const;
    assert.equal(await states(ledger, straight), ["open", "open", "open"]);
    const between = [
      ["b", "A"],
      ["b", undefined],
      ["b", "A"],
    ] as const;
    assert.equal(await states(ledger, between), ["open", "open", "open"]);
    const strangers = [
      ["c", "A"],
      ["d", "B"],
      ["c", "A"],
    ] as const;
    assert.equal(await states(ledger, strangers), ["open", "open", "open"]);
    const alike = [
      ["e", "Z"],
      ["f", "Y"],
      ["f", "Z"],
    ] as const;
    assert.equal(await states(ledger, alike), ["open", "lost", "open"]);
    const onwards = [
      ["g", "A"],
      ["g", "B"],
      ["g", "C"],
      ["g", "A"],
    ] as const;
    assert.equal(await states(ledger, onwards), ["lost", "lost", "open", "lost"]);
  });

  test("an epoch that is learned later is written down, and ends what was asked without it never", async () => {
    await using ledger = await open();
    const request = oauthRequest({ sessionId: "s" });
    assert.is((await ledger.record(request)).epoch, undefined);
    assert.is((await ledger.record(request, { epoch: "A" })).epoch, "A");
    await lapse();
    await ledger.record(oauthRequest({ sessionId: "s", ...elsewhere() }), { epoch: "B" });
    assert.is((await ledger.record(request)).state, "lost");
  });

  test("a session that is lost takes nothing of another with it", async () => {
    await using ledger = await open();
    const [mine, its] = [oauthRequest({ sessionId: "mine" }), oauthRequest({ sessionId: "its" })];
    const { id } = await ledger.record(mine);
    const other = await ledger.record(its);
    const third = await ledger.record(oauthRequest({ sessionId: "its", ...elsewhere() }));
    await ledger.answer(id, token("A"));
    for (const entry of [id, other.id])
      await (await ledger.deliver(entry, { owner: "keeper" }))?.settle({ accepted: true });
    const waiting = await ledger.record(oauthRequest({ sessionId: "mine", ...elsewhere() }));
    assert.equal(
      (await ledger.lost("mine")).map((entry) => entry.id),
      [waiting.id],
    );
    assert.is((await ledger.get(third.id))?.state, "open");
    // The other session was given the answer, and says that it is bad: that still counts.
    assert.is((await ledger.record(oauthRequest({ sessionId: "its", reason: "refresh" }))).state, "open");
  });

  test("a broker of one principal loses and completes that principal's alone", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    const mine = await ledger.record(oauthRequest({ sessionId: "s", requestId: "r1" }));
    const its = await ledger.record(
      oauthRequest({ sessionId: "s", requestId: "r2", principal: "bob", ...elsewhere() }),
    );
    await using broker = await openLedger(location, { principal: "ada", key: deriveKey(key, "ada") });
    const { kind } = its;
    assert.is(await broker.completed({ kind, sessionId: "s", requestId: "r2" }), undefined);
    assert.equal(
      (await broker.lost("s")).map(({ id }) => id),
      [mine.id],
    );
    assert.is((await ledger.get(its.id))?.state, "open");
    assert.is((await broker.completed({ kind, sessionId: "s", requestId: "r1" }))?.id, mine.id);
  });

  test("a load is given an answer that another session, or an earlier load, has had", async () => {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s1" }), { epoch: "A" });
    await ledger.answer(first.id, token("A"));
    await (await ledger.deliver(first.id, { owner: "keeper" }))?.settle({ accepted: true });
    assert.is((await ledger.record(oauthRequest({ sessionId: "s2" }), { epoch: "A" })).state, "answered");
    const same = await ledger.record(oauthRequest({ sessionId: "s1" }), { epoch: "A" });
    assert.is(same.state, "open", "this load has had it");
    await lapse();
    assert.is((await ledger.record(oauthRequest({ sessionId: "s1" }), { epoch: "B" })).state, "answered");
  });

  test("an answer for one request serves no other one of its credential, and seeds nothing", async () => {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ sessionId: "s" }));
    await ledger.answer(first.id, { kind: "cancelled" });
    assert.is((await ledger.record(oauthRequest())).state, "open");
    assert.equal(await ledger.seeds("s"), []);
  });

  test("seeds are those of the session, each question with its own answer, while that is good", async () => {
    await using ledger = await open();
    const [one, two] = [elsewhere(), elsewhere()];
    for (const [sessionId, at, value] of [
      ["s1", one, "ONE"],
      ["s1", two, "TWO"],
      ["s2", elsewhere(), "OTHER"],
    ] as const) {
      const { id } = await ledger.record(oauthRequest({ sessionId, ...at }));
      await ledger.answer(id, token(value));
    }
    const short = await ledger.record(oauthRequest({ sessionId: "s1", ...elsewhere() }));
    await ledger.answer(short.id, token("SHORT"), { expiresAt: new Date(Date.now() + 60) });
    await lapse(90);
    const seeds = await ledger.seeds("s1");
    assert.equal(
      seeds.map(({ request, answer }) => [request.kind === "mcp.oauth_required" && request.data.serverName, answer]),
      [
        [one.serverName, token("ONE")],
        [two.serverName, token("TWO")],
      ],
    );
    // What was lost of the seeded question is settled by the seed, and nothing else is.
    await ledger.lost("s1");
    await seeds[0]?.given();
    const ended = (await ledger.list({ sessionId: "s1" })).map(({ state }) => state);
    assert.equal(ended, ["settled", "lost", "lost"]);
  });

  test("a delivery that was overtaken in time is settled by the completed event", async () => {
    await using ledger = await open();
    const { id, kind, sessionId, requestId } = await ledger.record(oauthRequest());
    await ledger.answer(id, token("A"));
    await ledger.deliver(id, { owner: "dead", leaseMs: 20 });
    await lapse(50);
    assert.is((await ledger.completed({ kind, sessionId, requestId }))?.outcome, "accepted");
  });

  test("a newer question about something else supersedes nothing", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s" }));
    await ledger.answer(id, token("A"));
    const delivery = await ledger.deliver(id, { owner: "keeper" });
    await ledger.record(oauthRequest({ sessionId: "s", ...elsewhere() }));
    assert.is((await delivery?.settle({ accepted: false }))?.outcome, "unknown");
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
    await lapse();
    assert.is((await ledger.prune({ entriesMs: 0 })).entries, 3);
    const count = async (name: string) => Number((await database.run(`SELECT COUNT(*) AS n FROM ${name}`))[0]?.n);
    assert.equal(await Promise.all(["entries", "given", "answers", "credentials"].map(count)), [2, 0, 1, 3]);
    assert.is((await ledger.record(oauthRequest(good))).state, "answered");
    assert.is((await ledger.record(oauthRequest(refused))).state, "open");
  });

  test("a claim that lives outlasts the pruning of its entry", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    const claim = await ledger.claim({ id }, { owner: "broker" });
    await claim?.stash({ verifier: 1 });
    await ledger.cancel(id, { force: true });
    await lapse();
    assert.is((await ledger.prune({ entriesMs: 0 })).entries, 1);
    assert.equal(await claim?.stashed(), { verifier: 1 });
  });
}
