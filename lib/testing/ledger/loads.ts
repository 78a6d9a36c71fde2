/** What ends with one load of a session, what is asked again, and what a load is given from the start. */
import assert from "node:assert/strict";
import type { Ledger } from "../../ledger/index.js";
import { elsewhere, token } from "./asking.js";
import { type Cases, type Given, history, key, lapse } from "./given.js";

/** Records one question after the other, each to a server of its own, and says what state each is in at the end. */
async function states(
  { ledger, oauthRequest }: { ledger: Ledger; oauthRequest: Given["oauthRequest"] },
  asked: readonly (readonly [sessionId: string, epoch: string | undefined])[],
) {
  const ids: string[] = [];
  for (const [sessionId, epoch] of asked) {
    ids.push((await ledger.record(oauthRequest({ sessionId, ...elsewhere() }), { epoch })).id);
    await lapse(5);
  }
  return await Promise.all(ids.map(async (id) => (await ledger.get(id))?.state));
}

export const loadCases: Cases = {
  async "a request asked again supersedes the earlier one and takes its answer over"({ open, oauthRequest }) {
    await using ledger = await open();
    const asking = { sessionId: "s" };
    const first = await ledger.record(oauthRequest(asking));
    const claim = await ledger.claim({}, { owner: "broker" });
    const [lost] = await ledger.lost("s");
    assert.equal(lost?.state, "lost");
    assert.equal(await claim?.wanted(), false);
    assert.equal(await ledger.claim({}, { owner: "other" }), undefined);
    // The person finished although the asker was gone: what was obtained is kept.
    assert.equal((await claim?.answer(token("A")))?.state, "lost");
    const second = await ledger.record(oauthRequest(asking));
    assert.equal(second.state, "answered");
    const old = await ledger.get(first.id);
    assert.deepEqual([old?.state, old?.successor], ["superseded", second.id]);
    const third = await ledger.record(oauthRequest({ ...asking, scope: "other" }));
    assert.equal(third.state, "open");
    assert.deepEqual(await history(ledger, second.id), ["open", "answered", "lost", "superseded"]);
    assert.deepEqual([(await ledger.get(second.id))?.successor], [third.id]);
  },

  async "requests that outlive the runtime go on as they are"({ open, permissionRequest }) {
    await using ledger = await open();
    const asking = { sessionId: "s", toolCallId: "call" };
    const first = await ledger.record(permissionRequest(asking));
    const second = await ledger.record(permissionRequest(asking));
    assert.deepEqual(await ledger.lost("s"), []);
    assert.equal((await ledger.get(first.id))?.state, "open");
    assert.equal((await ledger.get(second.id))?.state, "open");
    assert.equal((await ledger.lost("s", { all: true, only: [first.id] })).length, 1);
    assert.equal((await ledger.get(second.id))?.state, "open");
  },

  async "knows by the epoch which requests an earlier load asked"({ open, oauthRequest }) {
    await using ledger = await open();
    const ask = async (epoch: string, serverName: string) =>
      await ledger.record(oauthRequest({ sessionId: "s", serverName }), { epoch });
    const first = await ask("e1", "a");
    await lapse(5);
    const second = await ask("e2", "b");
    assert.equal((await ledger.get(first.id))?.state, "lost");
    await lapse(5);
    assert.equal((await ask("e1", "c")).state, "lost");
    assert.equal((await ledger.get(second.id))?.state, "open");
    assert.equal((await ledger.lost("s", { epoch: "e3" })).length, 1);
  },

  async "what was sent to a load that is gone is settled as unknown"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s" }));
    await ledger.answer(id, token("A"));
    await ledger.deliver(id, { owner: "keeper" });
    const [settled] = await ledger.lost("s");
    assert.deepEqual([settled?.state, settled?.outcome], ["settled", "unknown"]);
  },

  async "seeds a session with good answers, and knows that it was given them"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s", clientSecret: "SECRET-1" }));
    assert.deepEqual(await ledger.seeds("s"), []);
    await ledger.answer(id, token("A", 3600));
    const [seed] = await ledger.seeds("s", { principal: "ada" });
    assert.deepEqual(seed?.answer, token("A", 3600));
    assert.equal(JSON.stringify(seed?.request.secrets.reveal()).includes("SECRET-1"), true);
    assert.ok(seed?.expiresAt && seed.expiresAt.getTime() > Date.now() + 3_500_000);
    assert.deepEqual(await ledger.seeds("s", { principal: "bob" }), []);
    await seed.given();
    assert.equal((await ledger.record(oauthRequest({ sessionId: "s", reason: "refresh" }))).state, "open");
    assert.deepEqual(await ledger.seeds("s"), []);
  },

  async "settles what was lost once the session is loaded with its answer"({ open, oauthRequest }) {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest({ sessionId: "s" }));
    const other = await ledger.record(oauthRequest({ sessionId: "s", serverName: "other", principal: "bob" }));
    await ledger.answer(id, token("A"));
    await ledger.lost("s");
    const [seed] = await ledger.seeds("s");
    assert.equal((await ledger.get(id))?.state, "lost", "not before it is given");
    await seed?.given();
    const settled = await ledger.get(id);
    assert.deepEqual([settled?.state, settled?.outcome], ["settled", "seeded"]);
    assert.equal((await ledger.get(other.id))?.state, "lost");
    // The next load needs the answer as much as this one.
    await ledger.lost("s");
    assert.equal((await ledger.seeds("s")).length, 1);
    await (await ledger.seeds("s"))[0]?.given();
    assert.deepEqual(await history(ledger, id), ["open", "answered", "lost", "settled"]);
    // Refused after all: the question comes again, and is a new one.
    const again = await ledger.record(oauthRequest({ sessionId: "s", reason: "reauth" }));
    assert.equal(again.state, "open");
    assert.equal((await ledger.get(id))?.state, "settled");
  },

  async "an epoch is over when its own session has had a newer one, and not before"({ open, oauthRequest }) {
    await using ledger = await open();
    const straight = [
      ["a", "A"],
      ["a", "A"],
      ["a", "A"],
    ] as const;
    assert.deepEqual(await states({ ledger, oauthRequest }, straight), ["open", "open", "open"]);
    const between = [
      ["b", "A"],
      ["b", undefined],
      ["b", "A"],
    ] as const;
    assert.deepEqual(await states({ ledger, oauthRequest }, between), ["open", "open", "open"]);
    const strangers = [
      ["c", "A"],
      ["d", "B"],
      ["c", "A"],
    ] as const;
    assert.deepEqual(await states({ ledger, oauthRequest }, strangers), ["open", "open", "open"]);
    const alike = [
      ["e", "Z"],
      ["f", "Y"],
      ["f", "Z"],
    ] as const;
    assert.deepEqual(await states({ ledger, oauthRequest }, alike), ["open", "lost", "open"]);
    const onwards = [
      ["g", "A"],
      ["g", "B"],
      ["g", "C"],
      ["g", "A"],
    ] as const;
    assert.deepEqual(await states({ ledger, oauthRequest }, onwards), ["lost", "lost", "open", "lost"]);
  },

  async "an epoch that is learned later is written down, and ends what was asked without it never"({
    open,
    oauthRequest,
  }) {
    await using ledger = await open();
    const request = oauthRequest({ sessionId: "s" });
    assert.equal((await ledger.record(request)).epoch, undefined);
    assert.equal((await ledger.record(request, { epoch: "A" })).epoch, "A");
    await lapse(5);
    await ledger.record(oauthRequest({ sessionId: "s", ...elsewhere() }), { epoch: "B" });
    assert.equal((await ledger.record(request)).state, "lost");
  },

  async "a session that is lost takes nothing of another with it"({ open, oauthRequest }) {
    await using ledger = await open();
    const [mine, its] = [oauthRequest({ sessionId: "mine" }), oauthRequest({ sessionId: "its" })];
    const { id } = await ledger.record(mine);
    const other = await ledger.record(its);
    const third = await ledger.record(oauthRequest({ sessionId: "its", ...elsewhere() }));
    await ledger.answer(id, token("A"));
    for (const entry of [id, other.id])
      await (await ledger.deliver(entry, { owner: "keeper" }))?.settle({ accepted: true });
    const waiting = await ledger.record(oauthRequest({ sessionId: "mine", ...elsewhere() }));
    assert.deepEqual(
      (await ledger.lost("mine")).map((entry) => entry.id),
      [waiting.id],
    );
    assert.equal((await ledger.get(third.id))?.state, "open");
    // The other session was given the answer, and says that it is bad: that still counts.
    assert.equal((await ledger.record(oauthRequest({ sessionId: "its", reason: "refresh" }))).state, "open");
  },

  async "a broker of one principal loses and completes that principal's alone"({ open, place, oauthRequest }) {
    const here = place();
    await using ledger = await open(here);
    const mine = await ledger.record(oauthRequest({ sessionId: "s", requestId: "r1" }));
    const its = await ledger.record(
      oauthRequest({ sessionId: "s", requestId: "r2", principal: "bob", ...elsewhere() }),
    );
    await using broker = await open(here, { key, principal: "ada" });
    const { kind } = its;
    assert.equal(await broker.completed({ kind, sessionId: "s", requestId: "r2" }), undefined);
    assert.deepEqual(
      (await broker.lost("s")).map(({ id }) => id),
      [mine.id],
    );
    assert.equal((await ledger.get(its.id))?.state, "open");
    assert.equal((await broker.completed({ kind, sessionId: "s", requestId: "r1" }))?.id, mine.id);
  },

  async "seeds are those of the session, each question with its own answer, while that is good"({
    open,
    oauthRequest,
  }) {
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
    assert.deepEqual(
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
    assert.deepEqual(ended, ["settled", "lost", "lost"]);
  },
};
