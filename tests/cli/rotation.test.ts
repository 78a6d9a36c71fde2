/** The runbook of docs/operating.md for a new key, step by step, with processes of the step before still at work. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { latchkey, openPlace, type Place } from "../support/commands.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("a ledger's key is rotated while its processes work");
const keyOf = (name: string): string => Buffer.alloc(32, name).toString("base64url");
const [old, next] = [keyOf("old"), keyOf("new")];

/** `latchkey`, with these keys in its environment. */
const run = async (place: Place, key: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
  const ran = await latchkey({ dir: place.dir, env: { ...place.env, LATCHKEY_KEY: key, ...more } }, args, "a-token\n");
  assert.is(ran.code, 0, ran.err);
  return ran.out.trim();
};

/** A keeper's and a broker's work between two processes: one records, the other answers, the first delivers. */
async function circle(keeper: Ledger, broker: Ledger, name: string): Promise<void> {
  const { id } = await keeper.record(oauthRequest({ principal: name, clientSecret: `SECRET of ${name}` }));
  const claim = await broker.claim({ id }, { owner: "broker" });
  assert.ok(JSON.stringify(await claim?.secrets()).includes(`SECRET of ${name}`), name);
  await claim?.answer(token(name));
  const delivery = await keeper.deliver(id, { owner: "keeper" });
  assert.equal(delivery?.answer, token(name));
  await delivery?.settle({ accepted: true });
}

test("nobody is refused in between, and at the end the old key is of no use", async () => {
  await using place = await openPlace();
  await mkdir(place.state, { recursive: true });
  const location = join(place.state, "ledger.db");
  const open = (...keys: string[]) => openLedger(location, { keys });
  await using before = await open(old);
  const early = await before.record(oauthRequest({ principal: "early" }));

  // Step 2: the old key in front, the new one known. Processes are restarted one after the other.
  await using known = await open(old, next);
  await circle(before, known, "a");
  await circle(known, before, "b");
  assert.is(await run(place, `${old} ${next}`, ["ls", "--quiet"]), early.id);

  // Step 3: the new key in front. What one of them seals the others open.
  await using turned = await open(next, old);
  await circle(turned, known, "c");
  await circle(known, turned, "d");
  assert.match(await run(place, `${next},${old}`, ["answer", early.id]), /answered/);
  const delivery = await turned.deliver(early.id, { owner: "keeper" });
  assert.equal(delivery?.answer, token("a-token"));
  await delivery?.settle({ accepted: true });

  // Brokers of one principal get both of its keys.
  const derived = await run(place, `${next}\n${old}`, ["key", "derive", "--principal", "ada"]);
  assert.match(derived, /^[\w-]{43},[\w-]{43}$/);
  const hers = await turned.record(oauthRequest());
  const wants = { LATCHKEY_PRINCIPAL: "ada" };
  assert.match(await run(place, derived, ["answer", hers.id], wants), /answered/);
  await (await turned.deliver(hers.id, { owner: "keeper" }))?.settle({ accepted: true });

  // Step 4: nothing of the old key is left to be opened.
  const late = await turned.record(oauthRequest({ principal: "late", clientSecret: "SECRET of late" }));
  await run(place, `${next} ${old}`, ["prune", "--older", "0s"]);
  await using after = await open(next);
  const claim = await after.claim({ id: late.id }, { owner: "broker" });
  assert.ok(JSON.stringify(await claim?.secrets()).includes("SECRET of late"));
  await claim?.release();
  await circle(after, turned, "e");
  await using stale = await open(old);
  await rejects(
    stale.claim({ id: late.id }, { owner: "broker" }).then((each) => each?.secrets()),
    { code: "WRONG_KEY" },
  );
});

test("a text with a key that is none is refused whole, and not shown", async () => {
  await using place = await openPlace();
  for (const key of [`${old} short`, `${old},,${next} x`]) {
    const env = { ...place.env, LATCHKEY_KEY: key };
    const { code, out, err } = await latchkey({ dir: place.dir, env }, ["key", "derive", "--principal", "ada"]);
    assert.equal([code, out], [5, ""]);
    assert.not.ok(err.includes("short") || err.includes(old));
  }
});
