/**
 * The API reference comes from the doc comments. A public function, type or field without one is a warning of the generator, and so
 * is a link that leads nowhere: a warning fails it.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const pages = join(root, "build/api");

const test = suite("the API reference", { timeoutMs: 400_000 });

test("is made from the doc comments without a warning", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/docs.mjs"], { cwd: root, encoding: "utf8" });
  assert.is(status, 0, `${stdout}\n${stderr}`);
  assert.not.match(`${stdout}${stderr}`, /warning/i);
});

test("has a folder for every entry of the package", async () => {
  const { exports }: { exports: Record<string, unknown> } = JSON.parse(
    await readFile(join(root, "package.json"), "utf8"),
  );
  // What is exported as it lies there is data, and has no types.
  const entries = Object.keys(exports).filter((path) => typeof exports[path] === "object");
  for (const path of entries) assert.ok(existsSync(join(pages, path === "." ? "latchkey" : path)), path);
});

test("shows signatures, fields and examples", async () => {
  const page = await readFile(join(pages, "rpc/functions/connect.md"), "utf8");
  assert.match(page, /\*\*connect\*\*\(`target`, `options\?`\)/);
  assert.match(page, /await using rpc = await connect\(/);
  assert.match(await readFile(join(pages, "oauth/type-aliases/Grant.md"), "utf8"), /refreshToken/);
  assert.ok((await readdir(join(pages, "ledger/interfaces"))).includes("Claim.md"));
});
