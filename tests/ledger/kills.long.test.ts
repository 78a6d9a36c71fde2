import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { wholeData } from "latchkey/pending";
import * as assert from "uvu/assert";
import * as v from "valibot";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { suite, within } from "../support/suite.js";
import { obtainToken, openWorld, publicClient, startProgram, startScript, tokenAnswer } from "../support/world.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const step = join(root, "build/tests/programs/faulty/ledger-step.js");
const leaseMs = 300;

/** What a step leaves behind when it is killed before its commit, and after. */
const left = {
  record: { unwritten: undefined, written: "open" },
  claim: { unwritten: "open", written: "open" },
  answer: { unwritten: "open", written: "answered" },
  sent: { unwritten: "answered", written: "sent" },
  settled: { unwritten: "sent", written: "settled" },
} as const;
type Step = keyof typeof left;

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`ledger on ${engine} and processes that die`, { timeoutMs: 60_000 });
  let place: Place;
  test.before(async () => {
    place = engine === "SQLite" ? await sqlitePlace() : await startPostgres();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  /** Takes an entry from wherever it is to its end, as those do who come after a crash. */
  async function finish(ledger: Ledger, entry: Entry): Promise<void> {
    if (entry.state === "open") {
      const claim = await ledger.claim({ id: entry.id }, { owner: "next", waitMs: 10_000 });
      assert.ok(claim);
      await claim.answer(token("A"));
    }
    for (let tries = 0; tries < 200; tries++) {
      const delivery = await ledger.deliver(entry.id, { owner: "next" });
      if (delivery !== undefined) {
        await delivery.settle({ accepted: true });
        break;
      }
      if ((await ledger.get(entry.id))?.state === "settled") break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  for (const at of Object.keys(left) as Step[]) {
    test(`kill -9 at every point of "${at}" loses nothing and doubles nothing`, async () => {
      await Promise.all(
        ["before", "written", "committed"].map(async (point) => {
          const location = await place.location();
          await (await openLedger(location, { key })).close();
          const request = oauthRequest({ sessionId: "s" });
          await using program = startScript(step, {
            given: { location, key, step: at, request, leaseMs },
            env: { LATCHKEY_FAULT: `${at}:${point}` },
          });
          const exit = await within(30_000, program.exited, `"${at}" to be killed`);
          assert.is(exit.signal, "SIGKILL", program.noise);
          await using ledger = await openLedger(location, { key });
          const found = await ledger.list();
          const expected = left[at][point === "committed" ? "written" : "unwritten"];
          assert.equal(
            found.map(({ state }) => state),
            expected === undefined ? [] : [expected],
            `${at}:${point}`,
          );
          const entry = await ledger.record(request);
          if (found[0] !== undefined) assert.is(entry.id, found[0].id);
          await finish(ledger, entry);
          const receipts = await ledger.receipts(entry.id);
          const count = (state: string) => receipts.filter((receipt) => receipt.state === state).length;
          assert.equal([count("open"), count("answered"), count("settled")], [1, 1, 1], `${at}:${point}`);
          const fences = receipts.map(({ fence }) => fence ?? 0).filter((fence) => fence > 0);
          assert.is(
            new Set(receipts.filter(({ state }) => state === "sent").map(({ fence }) => fence)).size,
            count("sent"),
          );
          assert.equal(
            [...fences].sort((a, b) => a - b),
            fences,
          );
        }),
      );
    });
  }

  test("processes that race answer every credential once", async () => {
    const location = await place.location();
    await using ledger = await openLedger(location, { key });
    const credentials = 12;
    for (let i = 0; i < credentials * 2; i++) {
      await ledger.record(oauthRequest({ principal: `p${i % credentials}` }));
    }
    const racers = Array.from({ length: 4 }, () => startProgram("ledger-racer", { given: { location, key } }));
    try {
      await Promise.all(racers.map((racer) => racer.next("ready")));
      for (const racer of racers) racer.tell({ type: "go" });
      const done = await Promise.all(racers.map((racer) => within(30_000, racer.next("done"), "the race")));
      const won = done.flatMap((message) => message.won as { credential: string; fence: number }[]);
      assert.is(won.length, credentials);
      assert.is(new Set(won.map(({ fence }) => fence)).size, credentials);
      assert.is(new Set(won.map(({ credential }) => credential)).size, credentials);
      for (const entry of await ledger.list()) {
        const answered = (await ledger.receipts(entry.id)).filter(({ state }) => state === "answered");
        assert.is(answered.length, 1);
        assert.is(answered[0]?.fence, won.find(({ credential }) => credential === entry.credential)?.fence);
      }
    } finally {
      await Promise.all(racers.map((racer) => racer.close()));
    }
  });

  test("a holder that was stopped past its lease wakes to FENCED", async () => {
    const location = await place.location();
    await using ledger = await openLedger(location, { key });
    const { id } = await ledger.record(oauthRequest());
    await using holder = startProgram("ledger-holder", { given: { location, key, leaseMs } });
    const claimed = await within(10_000, holder.next("claimed"), "the claim");
    holder.signal("SIGSTOP");
    const next = await ledger.claim({}, { owner: "next", waitMs: 10_000 });
    assert.ok(next && next.fence > Number(claimed.fence));
    holder.signal("SIGCONT");
    holder.tell({ type: "answer" });
    assert.is((await within(10_000, holder.next("tried"), "the late answer")).outcome, "FENCED");
    await next.answer(token("A"));
    const delivery = await ledger.deliver(id, { owner: "keeper" });
    assert.equal(delivery?.answer, token("A"));
  });

  for (const stashes of [false, true]) {
    const token = stashes ? "stashed" : "neither stashed nor answered";
    test(`a broker is killed when it has a token that it has ${token}`, async () => {
      await using world = await openWorld();
      const location = await place.location();
      await using ledger = await openLedger(location, { key });
      const resourceMetadata = await (await fetch(world.mcp.resourceMetadataUrl)).text();
      const where = { serverUrl: world.mcp.endpoint, clientId: publicClient.id, resourceMetadata };
      const { id } = await ledger.record(oauthRequest(where));
      await using victim = startProgram("ledger-victim", { given: { location, key, leaseMs: 2000, stashes } });
      const obtained = await victim.next("obtained");
      assert.is((await victim.kill()).signal, "SIGKILL");
      assert.is((await ledger.get(id))?.state, "open");
      assert.is(await ledger.claim({}, { owner: "too early" }), undefined, "the lease goes on");

      const next = await ledger.claim({ id }, { owner: "next", waitMs: 10_000 });
      assert.ok(next && next.fence > Number(obtained.fence));
      const found = await next.stashed();
      assert.is(found !== undefined, stashes);
      const request = await next.request();
      if (request.kind !== "mcp.oauth_required") throw new Error("not what was asked for");
      const answer = found ?? tokenAnswer(await obtainToken(wholeData(request)));
      await next.answer(v.parse(v.looseObject({ kind: v.literal("token"), accessToken: v.string() }), answer));
      const delivery = await ledger.deliver(id, { owner: "keeper" });
      assert.equal(delivery?.answer, answer);
      assert.is(world.authorization.issued.byCode, stashes ? 1 : 2);
    });
  }
}
