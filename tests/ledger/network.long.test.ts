import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { openNetwork, startGuest } from "../support/ledger/network.js";
import { key } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest } from "../support/ledger/requests.js";
import { suite, within } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const worker = join(root, "build/tests/programs/ledger-worker.js");
const entries = 30;
const leaseMs = 1500;

const test = suite("two hosts, a database on a third, and a link that breaks", { timeoutMs: 60_000 });
const network = await openNetwork();
const name = "every request is answered once, and the host that was cut off goes on";
if (typeof network === "string") test.skip(name, network);
else {
  test.after(async () => {
    await network[Symbol.asyncDispose]();
  });
  test(name, async () => {
    await using server = await startPostgres({ within: ["ip", "netns", "exec", network.center], listen: "0.0.0.0" });
    const at = (host: string): string => server.url("postgres", { host });
    await using ledger = await openLedger(at(network.address.here), { key });
    for (let i = 0; i < entries; i++) await ledger.record(oauthRequest({ principal: `p${i}` }));
    const start = (end: "a" | "b") =>
      startGuest(network.hosts[end], worker, { location: at(network.address[end]), key, name: end, leaseMs });
    await using a = start("a");
    await using b = start("b");
    await within(20_000, Promise.all([a.said("answered", 2), b.said("answered", 2)]), "the first answers");
    await a.said("claimed", a.messages.filter(({ type }) => type === "claimed").length + 1);
    await network.cut("a");
    // Longer than the lease: whatever a holds is taken over.
    await new Promise((resolve) => setTimeout(resolve, leaseMs + 1000));
    const before = a.messages.filter(({ type }) => type === "answered").length;
    for (let i = 0; i < 6; i++) await ledger.record(oauthRequest({ principal: `late${i}` }));
    await network.mend("a");
    assert.equal(await within(40_000, Promise.all([a.exited, b.exited]), "the work"), [0, 0]);
    assert.ok(a.messages.length > before);
    const done = await ledger.list();
    assert.is(done.length, entries + 6);
    for (const entry of done) {
      assert.is(entry.state, "answered");
      const receipts = await ledger.receipts(entry.id);
      assert.equal(
        receipts.map(({ state }) => state),
        ["open", "answered"],
      );
    }
    // Nobody was told "answered" for an entry that another one answered.
    const told = [...a.messages, ...b.messages].filter(({ type }) => type === "answered");
    for (const { id, fence } of told) {
      assert.is((await ledger.receipts(String(id))).at(-1)?.fence, fence);
    }
    const codes = a.messages.flatMap(({ type, code }) => (type === "refused" ? [code] : []));
    for (const code of codes) assert.is(code, "FENCED");
  });
}
