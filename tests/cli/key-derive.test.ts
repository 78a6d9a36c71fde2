/** `latchkey key derive`, and a broker that has nothing but what it prints. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { deriveKey, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { latchkey, openPlace } from "../support/commands.js";
import { key } from "../support/ledger/place.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { suite } from "../support/suite.js";

const test = suite("latchkey key derive");

test("prints the key of a principal, from LATCHKEY_KEY or from the key file", async () => {
  await using place = await openPlace();
  const derive = async (env: NodeJS.ProcessEnv, ...args: string[]) =>
    await latchkey({ ...place, env: { ...place.env, ...env } }, ["key", "derive", ...args]);
  const ran = await derive({ LATCHKEY_KEY: key }, "--principal", "ada");
  assert.equal([ran.code, ran.out], [0, `${deriveKey(key, "ada")}\n`], ran.err);
  assert.is((await derive({}, "--principal", "ada")).code, 5);
  assert.is((await derive({ LATCHKEY_KEY: "short" }, "--principal", "ada")).code, 5);
  for (const name of ["", " "]) assert.is((await derive({ LATCHKEY_KEY: key }, "--principal", name)).code, 2);
  assert.is((await derive({ LATCHKEY_KEY: key })).code, 2);

  const location = join(place.state, "ledger.db");
  await mkdir(place.state, { recursive: true });
  await using keeper = await openLedger(location);
  await keeper.record(oauthRequest());
  const { out } = await derive({}, "--principal", "ada");
  await using ada = await openLedger(location, { principal: "ada", key: out.trim() });
  assert.is((await ada.list()).length, 1);
});

test("a broker with a principal's key answers for that principal only", async () => {
  await using place = await openPlace();
  await mkdir(place.state, { recursive: true });
  await using keeper = await openLedger(join(place.state, "ledger.db"), { key });
  const hers = await keeper.record(oauthRequest());
  const his = await keeper.record(oauthRequest({ principal: "bob" }));
  const env = { ...place.env, LATCHKEY_KEY: deriveKey(key, "ada"), LATCHKEY_PRINCIPAL: "ada" };
  const as = async (more: NodeJS.ProcessEnv, args: string[], input = "") =>
    await latchkey({ ...place, env: { ...env, ...more } }, args, input);
  assert.is((await as({}, ["ls", "--quiet"])).out.trim(), hers.id);
  assert.is((await as({}, ["answer", his.id], "a-token\n")).code, 3);
  assert.is((await as({}, ["answer", hers.id], "a-token\n")).code, 0);
  assert.is((await as({ LATCHKEY_PRINCIPAL: "bob" }, ["ls"])).code, 5);
  assert.is((await as({ LATCHKEY_PRINCIPAL: " " }, ["ls"])).code, 5);
  const { LATCHKEY_PRINCIPAL: _, ...bare } = env;
  assert.is((await latchkey({ ...place, env: bare }, ["ls"])).code, 5, "the ledger's own key is another one");
  assert.equal((await keeper.deliver(hers.id, { owner: "keeper" }))?.answer, token("a-token"));
  assert.is((await keeper.get(his.id))?.state, "open");
});
