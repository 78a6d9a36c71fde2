/** Who gave an answer: kept in the receipt, and told to the runtime where its protocol has a place for it. */
import { openLedger } from "latchkey/ledger";
import { handlePendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, permissionRequest, token } from "../support/ledger/requests.js";
import { memoryPair } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`Who answered, on ${engine}`);
  let place: Place | PostgresServer;
  test.before(async () => {
    place = await (engine === "SQLite" ? sqlitePlace() : startPostgres());
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  test("a person or a program: the receipt says so, and a permission's answer", async () => {
    await using ledger = await openLedger(await place.location(), { key });
    for (const [actor, approvedInteractively] of [
      ["person", true],
      ["automation", false],
    ] as const) {
      const { id } = await ledger.record(permissionRequest());
      await ledger.answer(id, { kind: "approve-once" }, { by: "inbox", actor });
      const delivery = await ledger.deliver(id, { owner: "keeper" });
      assert.equal(delivery?.answer, { kind: "approve-once", approvedInteractively });
      assert.equal(
        (await ledger.receipts(id)).map((receipt) => [receipt.state, receipt.by, receipt.actor]),
        [
          ["open", undefined, undefined],
          ["answered", "inbox", actor],
          ["sent", "keeper", undefined],
        ],
      );
    }
  });

  test("said by nobody, nothing is said; said in the answer itself, that stands", async () => {
    await using ledger = await openLedger(await place.location(), { key });
    const silent = await ledger.record(permissionRequest());
    await ledger.answer(silent.id, { kind: "approve-once" });
    assert.equal((await ledger.deliver(silent.id, { owner: "keeper" }))?.answer, { kind: "approve-once" });
    const own = await ledger.record(permissionRequest());
    const answer = { kind: "approve-once", approvedInteractively: false } as const;
    await ledger.answer(own.id, answer, { actor: "person" });
    assert.equal((await ledger.deliver(own.id, { owner: "keeper" }))?.answer, answer);
  });

  test("a claim's answer too; a token has no place for it but the receipt", async () => {
    await using ledger = await openLedger(await place.location(), { key });
    const { id } = await ledger.record(oauthRequest());
    const claim = await ledger.claim({ id }, { owner: "broker" });
    await claim?.answer(token("t"), { actor: "person" });
    assert.equal((await ledger.deliver(id, { owner: "keeper" }))?.answer, token("t"));
    assert.is((await ledger.receipts(id)).find(({ state }) => state === "answered")?.actor, "person");
  });

  test("anybody else is a TypeError, and the entry stays open", async () => {
    await using ledger = await openLedger(await place.location(), { key });
    const { id } = await ledger.record(permissionRequest());
    // @ts-expect-error the compiler refuses it as well
    await rejects(ledger.answer(id, { kind: "approve-once" }, { actor: "cat" }), { type: TypeError });
    assert.is((await ledger.get(id))?.state, "open");
  });
}

const bare = suite("Who answered, without a ledger");

bare("is told to the runtime in the answer to a permission", async () => {
  const { rpc, peer } = await memoryPair();
  const answered = handlePendingRequest(rpc, permissionRequest(), { kind: "approve-once" }, { actor: "person" });
  const sent = await peer.next("session.permissions.handlePendingPermissionRequest");
  assert.equal(sent.params?.result, { kind: "approve-once", approvedInteractively: true });
  peer.answer(sent, { success: true });
  assert.equal(await answered, { accepted: true });
  await rpc.close();
});
