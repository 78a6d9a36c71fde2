/** What a ledger writes down, shows and lists; and that what ran out is shown as expired at once, and written down by the next writer. */
import assert from "node:assert/strict";
import type { Claim, Entry, Ledger, State } from "../../ledger/index.js";
import { token } from "./asking.js";
import { type Cases, type Given, history, lapse } from "./given.js";

const other = { serverName: "other", serverUrl: "https://other.example/mcp" };

interface RanOut {
  readonly ledger: Ledger;
  readonly entry: Entry;
  readonly request: ReturnType<Given["oauthRequest"]>;
  readonly claim: Claim | undefined;
  readonly oauthRequest: Given["oauthRequest"];
}

/** Who writes, and finds an entry whose time is over on the way. */
const writers: Readonly<Record<string, (found: RanOut) => Promise<unknown>>> = {
  async claim({ ledger, claim, oauthRequest }) {
    await claim?.release();
    await ledger.record(oauthRequest());
    assert.ok(await ledger.claim({}, { owner: "next" }));
  },
  "wanted()": async ({ claim }) => assert.equal(await claim?.wanted(), false),
  record: ({ ledger, request }) => ledger.record(request),
  "the record of the same question": ({ ledger, entry: { sessionId }, oauthRequest }) =>
    ledger.record(oauthRequest({ sessionId })),
  lost: ({ ledger, entry }) => ledger.lost(entry.sessionId),
  completed: ({ ledger, entry: { kind, sessionId, requestId } }) => ledger.completed({ kind, sessionId, requestId }),
  watch: ({ ledger }) => ledger.watch({ state: "expired" }, { after: "0" }).next(),
  prune: ({ ledger }) => ledger.prune({ entriesMs: 60_000 }),
};

const writingCases: Cases = Object.fromEntries(
  Object.entries(writers).map(([name, write]) => [
    `${name} writes down that an entry ran out`,
    async ({ open, oauthRequest }: Given) => {
      await using ledger = await open();
      const request = oauthRequest();
      const entry = await ledger.record(request, { expiresAt: new Date(Date.now() + 300) });
      const claim = await ledger.claim({}, { owner: "broker" });
      await lapse(320);
      assert.equal((await ledger.receipts(entry.id)).length, 1);
      await write({ ledger, entry, request, claim, oauthRequest });
      assert.deepEqual(await history(ledger, entry.id), ["open", "expired"]);
      assert.equal((await ledger.get(entry.id))?.state, "expired");
    },
  ]),
);

export const entryCases: Cases = {
  async "records a request once, without its secrets"({ open, oauthRequest }) {
    await using ledger = await open();
    const request = oauthRequest({ clientSecret: "SECRET-1", serverUrl: "https://u:p@files.example/mcp?k=SECRET-2" });
    const entry = await ledger.record(request);
    assert.equal(entry.state, "open");
    assert.equal(entry.kind, "mcp.oauth_required");
    assert.equal(entry.data.serverUrl, "https://files.example/mcp");
    assert.equal("secrets" in entry, false);
    assert.deepEqual(await ledger.record(request), entry);
    assert.deepEqual(await ledger.get(entry.id), entry);
    assert.deepEqual([...(await ledger.list())], [entry]);
    assert.deepEqual(
      (await ledger.receipts(entry.id)).map(({ state, entry: of }) => [state, of]),
      [["open", entry.id]],
    );
    assert.equal(await ledger.get("nobody"), undefined);
  },

  async "lists by state, kind, session, principal and age, page by page"({ open, oauthRequest, permissionRequest }) {
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
    assert.deepEqual(
      await ids({ sessionId: "s1" }),
      of((i) => i % 2 === 1),
    );
    assert.deepEqual(
      await ids({ principal: "p2", kind: "mcp.oauth_required" }),
      of((i) => i % 3 === 2),
    );
    assert.deepEqual(await ids({ kind: "permission.requested" }), [permission.id]);
    assert.deepEqual(await ids({ state: ["answered", "lost"] }), []);
    assert.deepEqual(await ids({ state: [] }), []);
    assert.deepEqual(await ids({ minAgeMs: 60_000 }), []);
    assert.equal((await ids({ maxAgeMs: 60_000 })).length, 8);
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await ledger.list({ limit: 3, after });
      seen.push(...page.map(({ id }) => id));
      after = page.next;
      if (after === undefined) break;
      assert.equal(page.length, 3);
    }
    assert.deepEqual(seen.sort(), await ids({}));
  },

  async "reading shows what ran out as expired and writes nothing"({ open, place, oauthRequest }) {
    const here = place();
    await using ledger = await open(here);
    await using other = await open(here);
    const asked = oauthRequest({ requestId: "first" });
    const soon = await ledger.record(asked, { expiresAt: new Date(Date.now() + 300) });
    const later = await ledger.record(oauthRequest({ principal: "bob" }), { expiresAt: new Date(Date.now() + 60_000) });
    const claim = await ledger.claim({ id: soon.id }, { owner: "broker" });
    await lapse(320);
    for (const reader of [ledger, other]) {
      const shown = await reader.get(soon.id);
      assert.deepEqual([shown?.state, shown?.claim], ["expired", undefined]);
      const ids = async (state: State | readonly State[]) => (await reader.list({ state })).map(({ id }) => id);
      assert.deepEqual(await ids("open"), [later.id]);
      assert.deepEqual(await ids("expired"), [soon.id]);
      assert.deepEqual(await ids(["expired", "cancelled"]), [soon.id]);
      assert.deepEqual(await ids(["open", "lost"]), [later.id]);
      assert.deepEqual(await ids(["open", "expired"]), [soon.id, later.id]);
      assert.equal((await reader.receipts(soon.id)).length, 1);
    }
    // Recorded again, completed by the runtime, or asked again: it stays expired.
    assert.equal((await ledger.record(asked)).state, "expired");
    const { kind, sessionId, requestId } = soon;
    assert.equal((await other.completed({ kind, sessionId, requestId }))?.state, "expired");
    await ledger.record(oauthRequest({ requestId: "second", sessionId }));
    assert.equal((await ledger.get(soon.id))?.state, "expired");
    assert.equal((await ledger.receipts(soon.id)).length, 2);
    assert.equal(await claim?.wanted(), true);
  },

  async "expires and cancels, with one receipt each"({ open, oauthRequest }) {
    await using ledger = await open();
    const soon = await ledger.record(oauthRequest(), { expiresAt: new Date(Date.now() + 60) });
    const wrong = await ledger.record(oauthRequest({ principal: "bob" }));
    const cancelled = await ledger.cancel(wrong.id, { by: "ada", reason: "not me" });
    assert.equal(cancelled.state, "cancelled");
    assert.equal((await ledger.receipts(wrong.id)).at(-1)?.reason, "not me");
    await ledger.cancel(wrong.id);
    assert.equal((await ledger.receipts(wrong.id)).length, 2);
    await assert.rejects(ledger.answer(wrong.id, token("A")), { code: "CONFLICT" });
    await lapse(80);
    assert.equal(await ledger.claim({}, { owner: "broker" }), undefined);
    await assert.rejects(ledger.answer(soon.id, token("A")), { code: "EXPIRED" });
    await assert.rejects(ledger.cancel(soon.id), { code: "EXPIRED" });
    assert.equal((await ledger.get(soon.id))?.state, "expired");
    assert.deepEqual(
      (await ledger.list({ state: "expired" })).map(({ id }) => id),
      [soon.id],
    );
    // Whoever writes has to write that down first: nothing else becomes of it.
    assert.deepEqual(await ledger.lost(soon.sessionId), []);
    assert.deepEqual(
      (await ledger.receipts(soon.id)).map(({ state }) => state),
      ["open", "expired"],
    );
  },

  async "cancels what was answered and not sent, and what is lost; its answer still serves others"({
    open,
    oauthRequest,
  }) {
    await using ledger = await open();
    const answered = await ledger.record(oauthRequest());
    await ledger.answer(answered.id, token("A"));
    assert.equal((await ledger.cancel(answered.id)).state, "cancelled");
    assert.equal(await ledger.deliver(answered.id, { owner: "keeper" }), undefined);
    const next = await ledger.record(oauthRequest());
    assert.equal(next.state, "answered");
    const delivery = await ledger.deliver(next.id, { owner: "keeper" });
    await assert.rejects(ledger.cancel(next.id), { code: "CONFLICT" });
    await assert.rejects(ledger.cancel(next.id, { force: true }), { code: "CONFLICT" });
    await delivery?.settle({ accepted: true });
    await assert.rejects(ledger.cancel(next.id), { code: "CONFLICT" });
    const lost = await ledger.record(oauthRequest({ principal: "bob", sessionId: "gone" }));
    await ledger.lost("gone");
    assert.equal((await ledger.cancel(lost.id)).state, "cancelled");
    assert.deepEqual([...(await ledger.list({ state: ["open", "answered", "sent", "lost"] }))], []);
  },

  async "an entry with a time limit is cancelled before it, and is expired after it"({ open, oauthRequest }) {
    await using ledger = await open();
    const later = await ledger.record(oauthRequest(), { expiresAt: new Date(Date.now() + 600_000) });
    assert.equal((await ledger.cancel(later.id)).state, "cancelled");
    const soon = await ledger.record(oauthRequest(other), { expiresAt: new Date(Date.now() + 30) });
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal((await ledger.list({ state: "expired" }))[0]?.id, soon.id);
    await assert.rejects(ledger.cancel(soon.id), { code: "EXPIRED" });
    // A claim of its credential writes that down.
    const next = await ledger.record(oauthRequest(other));
    assert.ok(await ledger.claim({ id: next.id }, { owner: "broker" }));
    assert.equal((await ledger.receipts(soon.id)).at(-1)?.state, "expired");
    await assert.rejects(ledger.cancel(soon.id), { code: "EXPIRED" });
  },

  async "many processes may make one ledger at once"({ open, place, oauthRequest }) {
    const here = place();
    const all = await Promise.all(Array.from({ length: 6 }, () => open(here, { key: Buffer.alloc(32, 1) })));
    const request = oauthRequest();
    const entries = await Promise.all(all.map((ledger) => ledger.record(request)));
    assert.equal(new Set(entries.map(({ id }) => id)).size, 1);
    const claims = await Promise.all(all.map((ledger) => ledger.claim({}, { owner: "broker" })));
    assert.equal(claims.filter((claim) => claim !== undefined).length, 1);
    await Promise.all(all.map((ledger) => ledger.close()));
  },

  ...writingCases,
};
