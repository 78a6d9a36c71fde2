import { type Claim, type Entry, type Ledger, openLedger, type State } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { oauthRequest, permissionRequest, token } from "./requests.js";

interface RanOut {
  readonly ledger: Ledger;
  readonly entry: Entry;
  readonly request: ReturnType<typeof oauthRequest>;
  readonly claim: Claim | undefined;
}

/** Who writes, and finds an entry whose time is over on the way. */
const writers: Record<string, (found: RanOut) => Promise<unknown>> = {
  async claim({ ledger, claim }) {
    await claim?.release();
    await ledger.record(oauthRequest());
    assert.ok(await ledger.claim({}, { owner: "next" }));
  },
  "wanted()": async ({ claim }) => assert.is(await claim?.wanted(), false),
  record: ({ ledger, request }) => ledger.record(request),
  "the record of the same question": ({ ledger, entry: { sessionId } }) => ledger.record(oauthRequest({ sessionId })),
  lost: ({ ledger, entry }) => ledger.lost(entry.sessionId),
  completed: ({ ledger, entry: { kind, sessionId, requestId } }) => ledger.completed({ kind, sessionId, requestId }),
  watch: ({ ledger }) => ledger.watch({ state: "expired" }, { after: "0" }).next(),
  prune: ({ ledger }) => ledger.prune({ entriesMs: 60_000 }),
};

/** What every engine promises for records, claims and answers. */
export function contractTests(test: Suite, place: () => Place): void {
  const open = async (): Promise<Ledger> => await openLedger(await place().location(), { key });
  /** Lease times are short; the database's own clock ends them. */
  const lapse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  test("records a request once, without its secrets", async () => {
    await using ledger = await open();
    const request = oauthRequest({ clientSecret: "SECRET-1", serverUrl: "https://u:p@files.example/mcp?k=SECRET-2" });
    const entry = await ledger.record(request);
    assert.is(entry.state, "open");
    assert.is(entry.kind, "mcp.oauth_required");
    assert.is(entry.data.serverUrl, "https://files.example/mcp");
    assert.is("secrets" in entry, false);
    assert.equal(await ledger.record(request), entry);
    assert.equal(await ledger.get(entry.id), entry);
    assert.equal([...(await ledger.list())], [entry]);
    assert.equal(
      (await ledger.receipts(entry.id)).map(({ state, entry: of }) => [state, of]),
      [["open", entry.id]],
    );
    assert.is(await ledger.get("nobody"), undefined);
  });

  test("hands out a claim once, and the secrets with it", async () => {
    await using ledger = await open();
    const request = oauthRequest({ clientSecret: "SECRET-1", body: "SECRET-3" });
    const entry = await ledger.record(request);
    const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker" });
    assert.ok(claim);
    assert.equal(claim.entry, entry);
    assert.is(await ledger.claim({}, { owner: "other" }), undefined);
    assert.is((await claim.secrets()).staticClientConfig?.clientSecret, "SECRET-1");
    assert.equal((await claim.request()).secrets.reveal(), request.secrets.reveal());
    await claim.release();
    await claim.release();
    const next = await ledger.claim({ id: entry.id }, { owner: "other" });
    assert.ok(next);
    assert.ok(next.fence > claim.fence);
    await rejects(claim.secrets(), { code: "FENCED" });
  });

  test("answers every open entry of the credential, late joiners included", async () => {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.ok(claim);
    const late = await ledger.record(oauthRequest());
    const stranger = await ledger.record(oauthRequest({ principal: "bob" }));
    assert.is(claim.entries.length, 1);
    assert.is(await claim.wanted(), true);
    assert.is(claim.entries.length, 2);
    const answered = await claim.answer(token("SECRET-4"), { account: "ada@example" });
    assert.is(answered.state, "answered");
    assert.is(answered.account, "ada@example");
    const states = new Map((await ledger.list()).map(({ id, state }) => [id, state]));
    assert.equal(
      [first, late, stranger].map(({ id }) => states.get(id)),
      ["answered", "answered", "open"],
    );
    const [, receipt] = await ledger.receipts(late.id);
    assert.is(receipt?.by, "broker");
    assert.is(receipt?.fence, claim.fence);
  });

  test("takes the same answer twice and refuses another one", async () => {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker" });
    assert.ok(claim);
    await rejects(ledger.answer(entry.id, token("A")), { code: "CLAIMED" });
    const answered = await claim.answer(token("A"));
    assert.equal(await claim.answer(token("A")), answered);
    assert.equal(await ledger.answer(entry.id, token("A")), answered);
    await rejects(claim.answer(token("B")), { code: "CONFLICT" });
    await rejects(ledger.answer(entry.id, token("B")), { code: "CONFLICT" });
    assert.equal(await ledger.get(entry.id), answered);
    assert.is((await ledger.receipts(entry.id)).length, 2);
    await rejects(ledger.answer("nobody", token("A")), { code: "UNKNOWN_ENTRY" });
  });

  test("checks answers before anything is written", async () => {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const malformed = JSON.parse('{"kind":"token"}');
    await rejects(ledger.answer(entry.id, malformed), { code: "INVALID" });
    assert.is((await ledger.get(entry.id))?.state, "open");
  });

  test("serves later requests of the credential from the answer, and nobody else", async () => {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest({ scope: "b a" }));
    await ledger.answer(first.id, token("A"));
    const state = async (asking: Parameters<typeof oauthRequest>[0]) =>
      (await ledger.record(oauthRequest({ scope: "a b", ...asking }))).state;
    assert.is(await state({}), "answered");
    assert.is(await state({ serverUrl: "https://FILES.example:443/mcp#x" }), "answered");
    assert.is(await state({ scope: "a b c" }), "open");
    assert.is(await state({ scope: "a" }), "open");
    assert.is(await state({ principal: "bob" }), "open");
    assert.is(await state({ principal: undefined }), "open");
    assert.is(await state({ clientId: "client-2" }), "open");
    assert.is(await state({ serverUrl: "https://files.example/mcp/other" }), "open");
    assert.is(await state({ serverUrl: "https://files.example/mcp?tenant=2" }), "open");
  });

  test("keeps an answer only as long as it is good", async () => {
    await using ledger = await open();
    const first = await ledger.record(oauthRequest());
    await ledger.answer(first.id, token("A", 1), { expiresAt: new Date(Date.now() + 60_000) });
    const short = await ledger.record(oauthRequest({ principal: "eve" }));
    await ledger.answer(short.id, token("A", 1));
    await lapse(1050);
    assert.is((await ledger.record(oauthRequest())).state, "answered");
    assert.is((await ledger.record(oauthRequest({ principal: "eve" }))).state, "open");
    await rejects(ledger.answer(first.id, token("B"), { expiresAt: new Date(0) }), { code: "CONFLICT" });
    const other = await ledger.record(oauthRequest({ principal: "bob" }));
    await rejects(ledger.answer(other.id, token("B"), { expiresAt: new Date(0) }), { code: "EXPIRED" });
  });

  test("gives an answer to the same question once a load, and again after the load is lost", async () => {
    await using ledger = await open();
    const asks = (requestId: string) => ledger.record(oauthRequest({ sessionId: "once", requestId, principal: "ada" }));
    const first = await asks("q1");
    await ledger.answer(first.id, token("A"));
    const delivery = await ledger.deliver(first.id, { owner: "keeper" });
    await delivery?.settle({ accepted: true });
    // Asked again though it was given the answer: the server did not like it, and says so by asking.
    assert.is((await asks("q2")).state, "open");
    await ledger.lost(first.sessionId);
    assert.is((await asks("q3")).state, "answered");
  });

  test("does not share an answer that serves one request", async () => {
    await using ledger = await open();
    const [a, b] = [await ledger.record(oauthRequest()), await ledger.record(oauthRequest())];
    await ledger.answer(a.id, { kind: "cancelled" });
    assert.is((await ledger.get(b.id))?.state, "open");
    const permission = await ledger.record(permissionRequest());
    await ledger.answer(permission.id, { kind: "approve-once" });
    assert.is((await ledger.get(permission.id))?.state, "answered");
  });

  test("refuses a stale fence, and lets a lapsed lease be taken over", async () => {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const old = await ledger.claim({}, { owner: "old", leaseMs: 60 });
    assert.ok(old);
    await lapse(90);
    await rejects(old.answer(token("OLD")), { code: "FENCED" });
    await rejects(old.extend(), { code: "FENCED" });
    const next = await ledger.claim({}, { owner: "next" });
    assert.ok(next && next.fence > old.fence);
    for (const write of [
      () => old.answer(token("OLD")),
      () => old.stash(1),
      () => old.stashed(),
      () => old.secrets(),
      () => old.cancel(),
      () => old.wanted(),
    ]) {
      await rejects(write, { code: "FENCED" });
    }
    await old.release();
    await next.answer(token("NEW"));
    assert.is((await ledger.get(entry.id))?.state, "answered");
    await rejects(old.answer(token("NEW")), { code: "FENCED" });
  });

  test("extends a lease", async () => {
    await using ledger = await open();
    await ledger.record(oauthRequest());
    const claim = await ledger.claim({}, { owner: "broker", leaseMs: 30_000 });
    assert.ok(claim);
    await claim.extend(60_000);
    assert.ok(claim.until.getTime() > Date.now() + 40_000);
    await claim.stash("still ours");
    await claim.extend(1);
    await lapse(10);
    await rejects(claim.stash("not any more"), { code: "FENCED" });
  });

  test("an answer without a claim ends the fence of a lapsed one", async () => {
    await using ledger = await open();
    const entry = await ledger.record(oauthRequest());
    const old = await ledger.claim({}, { owner: "old", leaseMs: 30 });
    await lapse(320);
    await ledger.answer(entry.id, token("A"));
    await rejects(old?.answer(token("A")) ?? Promise.resolve(), { code: "FENCED" });
  });

  test("keeps the stash of a credential for the next holder", async () => {
    await using ledger = await open();
    await ledger.record(oauthRequest());
    const first = await ledger.claim({}, { owner: "first" });
    assert.is(await first?.stashed(), undefined);
    await first?.stash({ verifier: "SECRET-5", scopes: ["a"] });
    await rejects(first?.stash("x".repeat(64 * 1024)) ?? Promise.resolve(), TypeError);
    let deep: unknown = "SECRET-5";
    for (let depth = 0; depth < 20_000; depth++) deep = [deep];
    for (const value of [deep, 1n, () => 1]) await rejects(first?.stash(value) ?? Promise.resolve(), TypeError);
    await first?.release();
    const second = await ledger.claim({}, { owner: "second" });
    assert.equal(await second?.stashed(), { verifier: "SECRET-5", scopes: ["a"] });
    await second?.stash(undefined);
    assert.is(await second?.stashed(), undefined);
  });

  test("waits for a claim without asking all the time", async () => {
    await using ledger = await open();
    await ledger.record(oauthRequest());
    const held = await ledger.claim({}, { owner: "first" });
    const waiting = ledger.claim({}, { owner: "second", waitMs: 5000 });
    await held?.release();
    const had = await waiting;
    assert.is(had?.entry.state, "open");
    const lapsing = ledger.claim({}, { owner: "third", signal: AbortSignal.timeout(5000) });
    await had?.extend(50);
    assert.ok(await lapsing);
    const reason = new Error("enough");
    const controller = new AbortController();
    const aborted = ledger.claim({}, { owner: "fourth", signal: controller.signal });
    controller.abort(reason);
    assert.is(await rejects(aborted), reason);
  });

  test("expires and cancels, with one receipt each", async () => {
    await using ledger = await open();
    const soon = await ledger.record(oauthRequest(), { expiresAt: new Date(Date.now() + 60) });
    const wrong = await ledger.record(oauthRequest({ principal: "bob" }));
    const cancelled = await ledger.cancel(wrong.id, { by: "ada", reason: "not me" });
    assert.is(cancelled.state, "cancelled");
    assert.is((await ledger.receipts(wrong.id)).at(-1)?.reason, "not me");
    await ledger.cancel(wrong.id);
    assert.is((await ledger.receipts(wrong.id)).length, 2);
    await rejects(ledger.answer(wrong.id, token("A")), { code: "CONFLICT" });
    await lapse(80);
    assert.is(await ledger.claim({}, { owner: "broker" }), undefined);
    await rejects(ledger.answer(soon.id, token("A")), { code: "EXPIRED" });
    await rejects(ledger.cancel(soon.id), { code: "EXPIRED" });
    assert.is((await ledger.get(soon.id))?.state, "expired");
    assert.equal(
      (await ledger.list({ state: "expired" })).map(({ id }) => id),
      [soon.id],
    );
    // Whoever writes has to write that down first: nothing else becomes of it.
    assert.equal(await ledger.lost(soon.sessionId), []);
    assert.equal(
      (await ledger.receipts(soon.id)).map(({ state }) => state),
      ["open", "expired"],
    );
  });

  test("reading shows what ran out as expired and writes nothing", async () => {
    const location = await place().location();
    await using ledger = await openLedger(location, { key });
    await using other = await openLedger(location, { key });
    const asked = oauthRequest({ requestId: "first" });
    const soon = await ledger.record(asked, { expiresAt: new Date(Date.now() + 300) });
    const later = await ledger.record(oauthRequest({ principal: "bob" }), { expiresAt: new Date(Date.now() + 60_000) });
    const claim = await ledger.claim({ id: soon.id }, { owner: "broker" });
    await lapse(320);
    for (const reader of [ledger, other]) {
      const shown = await reader.get(soon.id);
      assert.equal([shown?.state, shown?.claim], ["expired", undefined]);
      const ids = async (state: State | readonly State[]) => (await reader.list({ state })).map(({ id }) => id);
      assert.equal(await ids("open"), [later.id]);
      assert.equal(await ids("expired"), [soon.id]);
      assert.equal(await ids(["expired", "cancelled"]), [soon.id]);
      assert.equal(await ids(["open", "lost"]), [later.id]);
      assert.equal(await ids(["open", "expired"]), [soon.id, later.id]);
      assert.is((await reader.receipts(soon.id)).length, 1);
    }
    // Recorded again, completed by the runtime, or asked again: it stays expired.
    assert.is((await ledger.record(asked)).state, "expired");
    const { kind, sessionId, requestId } = soon;
    assert.is((await other.completed({ kind, sessionId, requestId }))?.state, "expired");
    await ledger.record(oauthRequest({ requestId: "second", sessionId }));
    assert.is((await ledger.get(soon.id))?.state, "expired");
    assert.is((await ledger.receipts(soon.id)).length, 2);
    assert.is(await claim?.wanted(), true);
  });

  for (const [name, write] of Object.entries(writers)) {
    test(`${name} writes down that an entry ran out`, async () => {
      await using ledger = await open();
      const request = oauthRequest();
      const entry = await ledger.record(request, { expiresAt: new Date(Date.now() + 300) });
      const claim = await ledger.claim({}, { owner: "broker" });
      await lapse(320);
      assert.is((await ledger.receipts(entry.id)).length, 1);
      await write({ ledger, entry, request, claim });
      const states = (await ledger.receipts(entry.id)).map(({ state }) => state);
      assert.equal(states, ["open", "expired"]);
      assert.is((await ledger.get(entry.id))?.state, "expired");
    });
  }

  test("shows who works on an open entry, and refuses to cancel it under them", async () => {
    await using ledger = await open();
    const { id } = await ledger.record(oauthRequest());
    assert.is((await ledger.get(id))?.claim, undefined);
    const claim = await ledger.claim({}, { owner: "broker 7", leaseMs: 60_000 });
    assert.ok(claim);
    const late = await ledger.record(oauthRequest());
    const stranger = await ledger.record(oauthRequest({ principal: "bob" }));
    const held = { owner: "broker 7", fence: claim.fence, until: claim.until };
    assert.equal((await ledger.get(id))?.claim, held);
    const shown = new Map((await ledger.list()).map((entry) => [entry.id, entry.claim]));
    assert.equal(
      [id, late.id, stranger.id].map((each) => shown.get(each)),
      [held, held, undefined],
    );
    const { value } = await ledger.watch({ id }, { after: "0" }).next();
    assert.equal(value?.claim, held);

    await rejects(ledger.cancel(id), { code: "CLAIMED", message: /"broker 7" works on this until \d.*fence/ });
    await rejects(ledger.answer(id, token("A")), { code: "CLAIMED", message: /"broker 7"/ });
    assert.is((await ledger.cancel(stranger.id)).state, "cancelled");
    assert.is((await ledger.cancel(id, { force: true, by: "ada" })).state, "cancelled");
    assert.is((await ledger.receipts(id)).at(-1)?.by, "ada");
    await claim.extend();
    assert.equal(
      claim.entries.map((entry) => entry.id),
      [late.id],
    );
    await claim.release();
    assert.is((await ledger.get(late.id))?.claim, undefined);
    const brief = await ledger.claim({ id: late.id }, { owner: "brief", leaseMs: 40 });
    assert.ok(brief);
    await lapse(320);
    assert.is((await ledger.get(late.id))?.claim, undefined);
    assert.is((await ledger.cancel(late.id)).state, "cancelled");
  });

  test("cancels what was answered and not sent, and what is lost; its answer still serves others", async () => {
    await using ledger = await open();
    const answered = await ledger.record(oauthRequest());
    await ledger.answer(answered.id, token("A"));
    assert.is((await ledger.cancel(answered.id)).state, "cancelled");
    assert.is(await ledger.deliver(answered.id, { owner: "keeper" }), undefined);
    const next = await ledger.record(oauthRequest());
    assert.is(next.state, "answered");
    const delivery = await ledger.deliver(next.id, { owner: "keeper" });
    await rejects(ledger.cancel(next.id), { code: "CONFLICT" });
    await rejects(ledger.cancel(next.id, { force: true }), { code: "CONFLICT" });
    await delivery?.settle({ accepted: true });
    await rejects(ledger.cancel(next.id), { code: "CONFLICT" });
    const lost = await ledger.record(oauthRequest({ principal: "bob", sessionId: "gone" }));
    await ledger.lost("gone");
    assert.is((await ledger.cancel(lost.id)).state, "cancelled");
    assert.equal([...(await ledger.list({ state: ["open", "answered", "sent", "lost"] }))], []);
  });

  test("lists by state, kind, session, principal and age, page by page", async () => {
    await using ledger = await open();
    const entries: Entry[] = [];
    for (let i = 0; i < 7; i++) {
      entries.push(
        await ledger.record(oauthRequest({ sessionId: `s${i % 2}`, principal: `p${i % 3}`, serverName: `n${i}` })),
      );
    }
    const permission = await ledger.record(permissionRequest({ sessionId: "s9" }));
    const ids = async (filter: Parameters<Ledger["list"]>[0]) => (await ledger.list(filter)).map(({ id }) => id).sort();
    const of = (pick: (i: number) => boolean) =>
      entries
        .filter((_, i) => pick(i))
        .map(({ id }) => id)
        .sort();
    assert.equal(
      await ids({ sessionId: "s1" }),
      of((i) => i % 2 === 1),
    );
    assert.equal(
      await ids({ principal: "p2", kind: "mcp.oauth_required" }),
      of((i) => i % 3 === 2),
    );
    assert.equal(await ids({ kind: "permission.requested" }), [permission.id]);
    assert.equal(await ids({ state: ["answered", "lost"] }), []);
    assert.equal(await ids({ state: [] }), []);
    assert.equal(await ids({ minAgeMs: 60_000 }), []);
    assert.is((await ids({ maxAgeMs: 60_000 })).length, 8);
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await ledger.list({ limit: 3, after });
      seen.push(...page.map(({ id }) => id));
      after = page.next;
      if (after === undefined) break;
      assert.is(page.length, 3);
    }
    assert.equal(seen.sort(), await ids({}));
  });
}
