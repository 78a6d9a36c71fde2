/** How often each call waits for the server: see docs/performance.md. From far away that is what it takes. */
import { randomUUID } from "node:crypto";
import type { Ledger } from "latchkey/ledger";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import * as assert from "uvu/assert";
import { type Far, farFrom } from "../support/ledger/far.js";
import { key } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { suite } from "../support/suite.js";

const test = suite("round trips to PostgreSQL");
let server: PostgresServer;
let far: Far;
let ledger: Ledger;
test.before(async () => {
  server = await startPostgres();
  far = await farFrom(server.port);
  ledger = await openPostgresLedger(far.url(await server.location()), { key, max: 1 });
});
test.after(async () => {
  await ledger.close();
  far[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

async function counted<T>(work: Promise<T>): Promise<{ waits: number; result: T }> {
  far.waits();
  const result = await work;
  return { waits: far.waits(), result };
}

const owner = { owner: "test" };

/** The first call of each kind prepares its statements, so only the second is counted. */
async function twice<T>(run: () => Promise<T>): Promise<T> {
  await run();
  return await run();
}

test("a request's life", async () => {
  const found = await twice(async () => {
    const asking = { sessionId: randomUUID(), principal: randomUUID() };
    const recorded = await counted(ledger.record(oauthRequest(asking), { epoch: "e" }));
    const { id } = recorded.result;
    const claimed = await counted(ledger.claim({ id }, owner));
    assert.ok(claimed.result);
    const answered = await counted(claimed.result.answer(token("A", 3600)));
    const delivered = await counted(ledger.deliver(id, owner));
    assert.ok(delivered.result);
    const settled = await counted(delivered.result.settle({ accepted: true }));
    assert.is(settled.result.outcome, "accepted");
    return [recorded, claimed, answered, delivered, settled].map(({ waits }) => waits);
  });
  // Under a lock asked and written: two. A claim looks for a candidate first, a delivery opens the seal first.
  assert.equal(found, [2, 3, 2, 3, 2]);
});

test("a request that is answered at once, asked again, or of a session that was loaded anew", async () => {
  const found = await twice(async () => {
    const asking = { sessionId: randomUUID(), principal: randomUUID() };
    const first = await ledger.record(oauthRequest(asking), { epoch: "e1" });
    const answered = await counted(ledger.answer(first.id, token("A", 3600)));
    const again = await counted(ledger.record(oauthRequest(asking), { epoch: "e1" }));
    assert.is(again.result.state, "answered");
    assert.is((await ledger.get(first.id))?.state, "superseded");
    const other = { ...asking, serverName: "other", scope: "other" };
    const anew = await counted(ledger.record(oauthRequest(other), { epoch: "e2" }));
    assert.is((await ledger.get(again.result.id))?.state, "lost");
    const told = await counted(ledger.completed(anew.result));
    assert.is(told.result?.outcome, "elsewhere");
    return [answered, again, anew, told].map(({ waits }) => waits);
  });
  assert.equal(found, [3, 3, 3, 3]);
});

test("a refused delivery, a claim of many, an extension and a look at the secrets", async () => {
  const found = await twice(async () => {
    const principal = randomUUID();
    for (let i = 0; i < 5; i++) await ledger.record(oauthRequest({ principal }));
    const claim = await counted(ledger.claim({ principal }, owner));
    assert.ok(claim.result);
    const extended = await counted(claim.result.extend());
    const secrets = await counted(claim.result.secrets());
    const answered = await counted(claim.result.answer(token("A")));
    assert.is((await ledger.list({ principal, state: "answered" })).length, 5);
    const delivery = await ledger.deliver(answered.result.id, owner);
    assert.ok(delivery);
    const refused = await counted(delivery.settle({ accepted: false }));
    assert.is(refused.result.outcome, "unknown");
    return [claim, extended, secrets, answered, refused].map(({ waits }) => waits);
  });
  assert.equal(found, [3, 2, 1, 2, 2]);
});
