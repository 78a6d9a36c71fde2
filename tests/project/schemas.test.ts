/** `schemas/*.json`: what other languages read of latchkey's values. `WRITE_PAGES=1` writes the files instead of comparing them. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openLedger } from "latchkey/ledger";
import { kinds, parsePendingRequest, pendingRequest, rowOf } from "latchkey/pending";
import * as assert from "uvu/assert";
import * as v from "valibot";
import { requestJson } from "../../lib/cli/lease.js";
import { suite } from "../support/suite.js";
import { kindNames, schemaFiles } from "../support/wire.js";
import { answers, asked } from "../support/wire-samples.js";

const folder = join(dirname(createRequire(import.meta.url).resolve("latchkey/package.json")), "schemas");
const write = process.env.WRITE_PAGES === "1";
const test = suite("schemas/");

for (const [name, schema] of schemaFiles()) {
  test(`${name} is what the types are`, async () => {
    const wanted = `${JSON.stringify(schema, undefined, 2)}\n`;
    if (write) await writeFile(join(folder, name), wanted);
    else assert.is(await readFile(join(folder, name), "utf8"), wanted);
  });
}

test("there are no others", async () => {
  assert.equal((await readdir(folder)).sort(), [...schemaFiles().keys()].sort());
});

const ajv = new Ajv2020({
  formats: { "date-time": (text: string) => !Number.isNaN(Date.parse(text)) },
  strictTypes: false,
});
for (const schema of schemaFiles().values()) ajv.addSchema(schema);

/** What does not hold of a value, by a schema that is read as other languages read it. */
function objections(name: string, value: unknown): string {
  const validate = ajv.getSchema(`urn:latchkey:schema:${name}`);
  if (validate === undefined) throw new Error(`no schema ${name}`);
  return validate(value) ? "" : ajv.errorsText(validate.errors);
}

test("requests, entries and receipts of every kind are as the schemas say", async () => {
  await using ledger = await openLedger(":memory:", { key: "00".repeat(32) });
  for (const kind of kindNames) {
    const request = pendingRequest(
      { type: kind, data: asked[kind] },
      { sessionId: "s", endpoint: "tcp://a:1", principal: "ada" },
    );
    const stored = JSON.parse(JSON.stringify(request));
    assert.is(objections("request", stored), "", kind);
    assert.is(parsePendingRequest(stored).kind, kind);
    assert.is(objections("request", { ...stored, secrets: undefined }), "", kind);
    const { id } = await ledger.record(request);
    const [good] = answers[kind];
    await ledger.answer(id, v.parse(kinds[kind].answer, good), { by: "test", account: "a", actor: "person" });
    const entry = JSON.parse(JSON.stringify(await ledger.get(id)));
    assert.is(objections("entry", entry), "", kind);
    for (const name of ["requestId", "data", "kind", "v"]) {
      const { [name]: _, ...less } = entry;
      assert.not.equal(objections("entry", less), "", `${kind} without ${name}`);
    }
    assert.not.equal(objections("entry", { ...entry, data: {} }), "", `${kind} without its data`);
    for (const receipt of await ledger.receipts(id))
      assert.is(objections("receipt", JSON.parse(JSON.stringify(receipt))), "", kind);
  }
});

test("a schema takes and refuses the answers that latchkey does", () => {
  const all = kindNames.flatMap((kind) => answers[kind]);
  for (const kind of kindNames) {
    for (const answer of answers[kind]) assert.ok(v.is(rowOf(kind).answer, answer), JSON.stringify(answer));
    for (const answer of [...all, {}, null, "", { kind: "token" }, { kind: "token", accessToken: "a b" }]) {
      const wanted = v.is(rowOf(kind).answer, answer);
      assert.is(objections(`answer#/$defs/${kind}`, answer) === "", wanted, `${kind}: ${JSON.stringify(answer)}`);
    }
  }
});

test("what a broker's command gets is as the schema says, secrets and all", async () => {
  await using ledger = await openLedger(":memory:", { key: "00".repeat(32) });
  for (const kind of kindNames) {
    const { id } = await ledger.record(pendingRequest({ type: kind, data: asked[kind] }, { sessionId: "s" }));
    const claim = await ledger.claim({ id }, { owner: "test" });
    assert.ok(claim);
    const got = JSON.parse(JSON.stringify(await requestJson(claim)));
    assert.is(objections("claimed-request", got), "", kind);
    assert.equal(Object.keys(got.data).sort(), Object.keys(asked[kind]).sort());
  }
});
