import * as assert from "uvu/assert";
import { Keyring } from "../../lib/ledger/seal/keyring.js";
import { keyId, principalKey } from "../../lib/ledger/seal/keys.js";
import { headerOf, sealedBy } from "../support/ledger/raw.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("a keyring");
const [own, next, eves] = [Buffer.alloc(32, 7), Buffer.alloc(32, 9), Buffer.alloc(32, 5)];
const adas = principalKey(own, "ada");
/** The ledger's, rotated since, and that of ada's broker. */
const ledgers = () => new Keyring([next, own]);
const brokers = () => new Keyring([adas], { principal: "ada" });
const hers = { name: "entry/1", principal: "ada", covers: ["mcp.oauth_required", 1] };
const nobodys = { ...hers, principal: undefined };

test("a value that is not bound to its row opens with the ledger's own key, and with no principal's", async () => {
  for (const place of [hers, nobodys]) {
    const unbound = await sealedBy(own, { for: place.name }, "VALUE");
    assert.equal(await ledgers().unseal(place, unbound), { value: "VALUE", bound: false });
    await rejects(brokers().open(place, unbound), { code: "WRONG_KEY" });
  }
  const forged = await sealedBy(adas, { for: hers.name }, "FORGED");
  for (const keyring of [ledgers(), brokers()]) await rejects(keyring.open(hers, forged), { code: "CORRUPT" });
  const strange = await sealedBy(eves, { for: hers.name }, "FORGED");
  for (const keyring of [ledgers(), brokers()]) await rejects(keyring.open(hers, strange), { code: "WRONG_KEY" });
});

test("a bound value opens with the key of its principal alone", async () => {
  const bound = await sealedBy(adas, { for: hers.name, covers: hers.covers }, "VALUE");
  for (const keyring of [ledgers(), brokers()])
    assert.equal(await keyring.unseal(hers, bound), { value: "VALUE", bound: true });
  const byLedger = await sealedBy(own, { for: hers.name, covers: hers.covers }, "FORGED");
  for (const keyring of [ledgers(), brokers()]) await rejects(keyring.open(hers, byLedger), { code: "WRONG_KEY" });
  assert.equal(await ledgers().unseal(nobodys, byLedger), { value: "FORGED", bound: true });
});

test("a value that another principal's key made is CORRUPT; with a key of before that is not here it is WRONG_KEY", async () => {
  const [bobs, before] = [principalKey(own, "bob"), principalKey(eves, "ada")];
  const known = [
    { kid: keyId(bobs), principal: "bob" },
    { kid: keyId(before), principal: "ada" },
  ];
  for (const keyring of [new Keyring([own], { known }), new Keyring([adas], { principal: "ada", known })]) {
    const seal = (key: Uint8Array) => sealedBy(key, { for: hers.name, covers: hers.covers }, "VALUE");
    await rejects(keyring.open(hers, await seal(bobs)), { code: "CORRUPT" });
    await rejects(keyring.open(hers, await seal(before)), { code: "WRONG_KEY" });
  }
});

test("a proof says whose key it proves, and is made once", async () => {
  const keyring = ledgers();
  for (const [principal, name] of [
    [undefined, "proof"],
    ["ada", "proof/ada"],
  ] as const) {
    const proof = await keyring.proof(principal);
    assert.ok(proof);
    assert.is(headerOf(proof.proof).for, name);
    keyring.note(proof);
    assert.is(await keyring.proof(principal), undefined);
  }
});

test("the digests of a value are one for each key that may have made one", () => {
  const counts = [ledgers().digests(undefined, 1), ledgers().digests("ada", 1), brokers().digests("ada", 1)];
  assert.equal(
    counts.map((digests) => [digests.length, new Set(digests).size]),
    [
      [2, 2],
      [4, 4],
      [1, 1],
    ],
  );
});
