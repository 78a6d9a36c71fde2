/** The budgets of bench/rows/sizes.ts: what each entry of the package may weigh, with all its dependencies. */
import { createRequire } from "node:module";
import * as assert from "uvu/assert";
import { budgets, sizeOf } from "../../bench/rows/sizes.js";
import { suite } from "../support/suite.js";

const test = suite("Sizes", { timeoutMs: 30_000 });
const manifest: { exports: Record<string, unknown> } = createRequire(import.meta.url)("latchkey/package.json");
const entries = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith(".json"))
  .map((path) => path.replace(/^\./, "latchkey"));

test("every entry has a budget, and only entries have one", () => {
  assert.equal(Object.keys(budgets).sort(), entries.sort());
});

for (const [entry, budget] of Object.entries(budgets))
  test(`${entry} is at most ${budget} bytes, minified and gzipped`, async () => {
    const { gzipped } = await sizeOf(entry);
    assert.ok(gzipped <= budget, `${gzipped} bytes, ${gzipped - budget} too many`);
  });
