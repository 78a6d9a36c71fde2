/** docs/errors.md has every code that the types know, and no other. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const source = await readFile(join(root, "lib/base/errors.ts"), "utf8");
const page = await readFile(join(root, "docs/errors.md"), "utf8");

/** The codes of each union in the source: `LedgerErrorCode` belongs to `LedgerError`. */
function codesOfTypes(): string[] {
  const found: string[] = [];
  for (const [, name = "", body = ""] of source.matchAll(/export type (\w+)ErrorCode =([^;]+);/g)) {
    const type = name === "Other" ? "LatchkeyError" : `${name}Error`;
    for (const [, code = ""] of body.matchAll(/"([A-Z_]+)"/g))
      found.push(`${code} ${code === "INVALID" ? "ValidationError" : type}`);
  }
  return found.sort();
}

const test = suite("docs/errors.md");

test("lists every code with its class", () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.*?) \|/gm)];
  const listed = rows.flatMap(([, code = "", types = ""]) =>
    [...types.matchAll(/`(\w+)`/g)].map(([, type = ""]) => `${code} ${type}`),
  );
  assert.ok(listed.length > 30);
  assert.equal(listed.sort(), codesOfTypes());
});
