import { type Claim, type HeldGrant, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import type { Asking } from "../../../lib/testing/ledger/asking.js";
import { rejects, type Suite } from "../suite.js";
import { key, type Place } from "./place.js";
import { oauthRequest, permissionRequest } from "./requests.js";

/** What a broker keeps: the ledger does not look into it, but for what people may see. */
export const grant = (refreshToken: string, more: object = {}) => ({
  ...{
    v: 1,
    type: "grant",
    accessToken: `access ${refreshToken}`,
    refreshToken,
    scope: ["mcp.read"],
    clientId: "client-1",
  },
  ...{ issuer: "https://as.example", account: "ada@example.org", obtainedAt: "2026-11-25T10:00:00.000Z" },
  ...more,
});

/** Records a request and claims it. */
export async function claimFor(ledger: Ledger, asking: Asking = {}): Promise<Claim> {
  const { id } = await ledger.record(oauthRequest(asking));
  const claim = await ledger.claim({ id }, { owner: `broker of ${asking.scope ?? "mcp.read"}` });
  assert.ok(claim);
  return claim;
}

const lapse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What every engine promises for grants. */
export function grantTests(test: Suite, place: () => Place): void {
  const open = async (): Promise<Ledger> => await openLedger(await place().location(), { key });
  const listed = async (ledger: Ledger) => {
    const [found] = await ledger.grants({ state: ["none", "kept", "spending", "in-doubt"] });
    assert.ok(found);
    return found;
  };
  const events = async (ledger: Ledger, { id }: { id: string }) =>
    (await ledger.grantReceipts(id)).map(({ event }) => event);

  test("keeps a grant, spends it, keeps the next, and forgets it, with a receipt each", async () => {
    await using ledger = await open();
    await using claim = await claimFor(ledger, { serverUrl: "https://u:p@files.example/mcp?tenant=SECRET" });
    const held = await claim.grant();
    assert.equal([held.state, held.grant], ["none", undefined]);
    await held.keep(grant("R1", { expiresAt: "2026-11-25T11:00:00.000Z" }));
    assert.equal([held.state, held.grant], ["kept", grant("R1", { expiresAt: "2026-11-25T11:00:00.000Z" })]);
    await held.spend();
    assert.is((await listed(ledger)).state, "spending");
    await held.unspent();
    assert.is((await listed(ledger)).state, "kept");
    await held.spend();
    await held.keep(grant("R2", { scope: ["mcp.read", "mcp.write"] }));
    const shown = await listed(ledger);
    const { id, createdAt: _, updatedAt: __, holder, ...rest } = shown;
    assert.equal(rest, {
      ...{ principal: "ada", server: "https://files.example/mcp", client: "client-1", issuer: "https://as.example" },
      ...{ scope: ["mcp.read", "mcp.write"], account: "ada@example.org", state: "kept" },
      obtainedAt: new Date("2026-11-25T10:00:00.000Z"),
    });
    assert.equal(holder, { owner: "broker of mcp.read", fence: held.fence, until: held.until });
    await held.release();
    assert.is((await listed(ledger)).holder, undefined);
    const again = await claim.grant();
    assert.ok(again.fence > held.fence);
    assert.equal([again.state, again.grant], ["kept", grant("R2", { scope: ["mcp.read", "mcp.write"] })]);
    await again.forget({ reason: "invalid_grant" });
    assert.equal([again.state, again.grant], ["none", undefined]);
    assert.equal([...(await ledger.grants())], []);
    const receipts = await ledger.grantReceipts(id);
    assert.equal(
      receipts.map(({ event, fence, by, reason }) => [event, fence, by, reason]),
      [
        ["kept", held.fence, "broker of mcp.read", undefined],
        ["spending", held.fence, "broker of mcp.read", undefined],
        ["unspent", held.fence, "broker of mcp.read", undefined],
        ["spending", held.fence, "broker of mcp.read", undefined],
        ["kept", held.fence, "broker of mcp.read", undefined],
        ["forgotten", again.fence, "broker of mcp.read", "invalid_grant"],
      ],
    );
  });

  test("two claims on two scopes never hold one grant at once; who waits has it next", async () => {
    await using ledger = await open();
    const [read, write] = [await claimFor(ledger), await claimFor(ledger, { scope: "mcp.write" })];
    const held = await read.grant();
    const error = await rejects(write.grant({ waitMs: 0 }), { code: "CLAIMED" });
    assert.match(String(error), /"broker of mcp.read" holds this grant until \d.*fence/);
    const waiting = write.grant({ waitMs: 20_000 });
    await held.keep(grant("R1"));
    await held.release();
    const next = await waiting;
    assert.ok(next.fence > held.fence);
    assert.equal(next.grant, grant("R1"));
    for (const verb of [() => held.spend(), () => held.keep(grant("X")), () => held.forget(), () => held.unspent()])
      await rejects(verb, { code: "FENCED" });
    await held.release();
    assert.is((await listed(ledger)).holder?.fence, next.fence);
    const aborting = new AbortController();
    const aborted = read.grant({ signal: aborting.signal });
    aborting.abort(new RangeError("enough"));
    await rejects(aborted, RangeError);
  });

  test("is of one principal, server and client, and of one session where there is no principal", async () => {
    await using ledger = await open();
    const ids = new Set<string>();
    for (const asking of [
      {},
      { principal: "bob" },
      { clientId: "client-2" },
      { serverUrl: "https://files.example/mcp?tenant=2" },
      { principal: undefined, sessionId: "s1" },
      { principal: undefined, sessionId: "s2" },
    ] satisfies Asking[]) {
      ids.add((await (await claimFor(ledger, asking)).grant({ waitMs: 0 })).id);
    }
    assert.is(ids.size, 6);
    const same = await claimFor(ledger, { scope: "other", serverUrl: "https://FILES.example:443/mcp#x" });
    await rejects(same.grant({ waitMs: 0 }), { code: "CLAIMED" });
    const other = await ledger.record(permissionRequest());
    const claim = await ledger.claim({ id: other.id }, { owner: "broker" });
    await rejects(claim?.grant() ?? Promise.resolve(), TypeError);
  });

  test("is in doubt when whoever spent it is gone, and never by a guess of anybody", async () => {
    await using ledger = await open();
    const [first, second] = [await claimFor(ledger), await claimFor(ledger, { scope: "mcp.write" })];
    const old = await first.grant();
    await old.keep(grant("R1"));
    await old.spend();
    await rejects(old.spend(), { code: "CONFLICT" });
    await old.extend(1);
    const next = await second.grant();
    assert.equal([next.state, next.grant], ["in-doubt", grant("R1")]);
    assert.equal(await events(ledger, next), ["kept", "spending", "in-doubt"]);
    await rejects(old.keep(grant("LATE")), { code: "FENCED" });
    await next.spend();
    await next.unspent();
    assert.is(next.state, "in-doubt", "the doubt of before is still there");
    await next.spend();
    await next.release();
    assert.is((await listed(ledger)).state, "in-doubt", "given back without a word");
    const last = await second.grant();
    await last.keep(grant("R2"));
    assert.is((await listed(ledger)).state, "kept");
  });

  test("an answer that came is kept after the lease, as long as nobody else has taken the grant", async () => {
    await using ledger = await open();
    const claim = await claimFor(ledger);
    const held = await claim.grant();
    await held.keep(grant("R1"));
    await held.spend();
    await claim.extend(1);
    await held.extend(1);
    await lapse(20);
    assert.is((await listed(ledger)).state, "in-doubt");
    await rejects(claim.answer({ kind: "token", accessToken: "A" }), { code: "FENCED" });
    await rejects(claim.grant(), { code: "FENCED" });
    await held.keep(grant("R2"));
    assert.is((await listed(ledger)).state, "kept");
    await rejects(held.spend(), { code: "FENCED" });
    await rejects(held.extend(), { code: "FENCED" });
    await held.release();
    await rejects(held.keep(grant("R3")), { code: "FENCED" });
  });

  test("is held without a claim by who signs out, and forgotten", async () => {
    await using ledger = await open();
    const claim = await claimFor(ledger);
    const held: HeldGrant = await claim.grant();
    await held.keep(grant("R1"));
    await rejects(ledger.forget(held.id), { code: "CLAIMED" });
    await rejects(ledger.holdGrant(held.id, { owner: "sign out", waitMs: 0 }), { code: "CLAIMED" });
    await held.release();
    await using out = await ledger.holdGrant(held.id, { owner: "sign out" });
    assert.equal(out.grant, grant("R1"));
    await ledger.forget(held.id, { by: "ada", reason: "signed out", force: true });
    await rejects(out.keep(grant("R2")), { code: "FENCED" });
    await ledger.forget(held.id);
    assert.equal(await events(ledger, held), ["kept", "forgotten"]);
    await rejects(ledger.forget("nobody"), { code: "UNKNOWN_GRANT" });
    await rejects(ledger.holdGrant("nobody", { owner: "x" }), { code: "UNKNOWN_GRANT" });
  });

  test("keeps the trace context of what asked, under the entry's seal", async () => {
    await using ledger = await open();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const request = oauthRequest();
    const entry = await ledger.record(request, { traceparent });
    assert.is(entry.traceparent, traceparent);
    assert.is((await ledger.get(entry.id))?.traceparent, traceparent);
    assert.is((await ledger.record(request)).traceparent, traceparent);
    const { value } = await ledger.watch({}, { after: "0" }).next();
    assert.is(value?.traceparent, traceparent);
    assert.is((await ledger.claim({ id: entry.id }, { owner: "broker" }))?.entry.traceparent, traceparent);
    await rejects(ledger.record(oauthRequest(), { traceparent: "00-1-2-3" }), TypeError);
    assert.is((await ledger.list()).length, 1);
  });

  test("what is no grant, and times that are none, are TypeErrors; nothing is kept then", async () => {
    await using ledger = await open();
    const claim = await claimFor(ledger);
    const held = await claim.grant();
    const deep: unknown = JSON.parse(`${"[".repeat(300)}${"]".repeat(300)}`);
    for (const wrong of [undefined, null, "text", 5, [], () => 1, { deep }, { long: "x".repeat(64 * 1024) }])
      await rejects(held.keep(wrong), TypeError);
    assert.is(held.state, "none");
    await held.release();
    for (const options of [{ leaseMs: 0 }, { leaseMs: 1.5 }, { waitMs: -1 }])
      await rejects(claim.grant(options), TypeError);
    await rejects(ledger.holdGrant(held.id, { owner: "" }), TypeError);
    const state: readonly "kept"[] = JSON.parse('["lost"]');
    await rejects(ledger.grants({ state }), TypeError);
    await rejects(ledger.grants({ after: "x" }), TypeError);
    await rejects(ledger.grants({ limit: 0 }), TypeError);
    await rejects(ledger.grants({ principal: " " }), TypeError);
  });

  test("is looked at without the right to it, where it is kept and nobody spends it", async () => {
    await using ledger = await open();
    const [claim, other] = [await claimFor(ledger), await claimFor(ledger, { scope: "mcp.write" })];
    assert.is(await claim.kept(), undefined);
    const held = await claim.grant();
    assert.is(await other.kept(), undefined);
    await held.keep(grant("R1"));
    assert.equal(await other.kept(), grant("R1"), "whoever holds it");
    await held.spend();
    assert.is(await other.kept(), undefined);
    await held.release();
    assert.is(await other.kept(), undefined, "in doubt");
    const last = await other.grant();
    await last.keep(grant("R2"));
    assert.equal(await other.kept(), grant("R2"));
    assert.is(await (await claimFor(ledger, { principal: "bob" })).kept(), undefined);
    await claim.release();
    await rejects(claim.kept(), { code: "FENCED" });
  });

  test("lists grants page by page", async () => {
    await using ledger = await open();
    for (let i = 0; i < 5; i++) {
      const claim = await claimFor(ledger, { principal: `p${i % 2}`, clientId: `c${i}` });
      const held = await claim.grant();
      if (i < 4) await held.keep(grant(`R${i}`, { clientId: `c${i}` }));
    }
    const clients: (string | undefined)[] = [];
    for (let after: string | undefined; ; ) {
      const page = await ledger.grants({ limit: 3, after });
      clients.push(...page.map(({ client }) => client));
      after = page.next;
      if (after === undefined) break;
    }
    assert.equal(clients, ["c0", "c1", "c2", "c3"]);
    assert.equal(
      (await ledger.grants({ principal: "p1" })).map(({ client }) => client),
      ["c1", "c3"],
    );
    assert.equal(
      (await ledger.grants({ state: "none" })).map(({ client }) => client),
      ["c4"],
    );
    assert.equal([...(await ledger.grants({ state: [] }))], []);
  });
}
