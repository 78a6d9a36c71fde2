/** The drawing in docs/architecture.md is the code's. */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const page = await readFile(join(root, "docs/architecture.md"), "utf8");
const lib = join(root, "lib");

/** `a --> b` for each room that imports another. Every room may import `base`. */
async function arrows(): Promise<string[]> {
  const found = new Set<string>();
  for (const file of await readdir(lib, { recursive: true })) {
    const [room = ""] = file.split("/");
    if (!file.endsWith(".ts") || room === file) continue;
    const text = await readFile(join(lib, file), "utf8");
    for (const [, specifier = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const [other = ""] = join(dirname(file), specifier).split("/");
      if (other !== room && other !== "base") found.add(`${room} --> ${other}`);
    }
  }
  return [...found].sort();
}

const test = suite("docs/architecture.md");

test("draws every import between rooms, and no other", async () => {
  const drawn = [...page.matchAll(/^ {2}(\w+ --> \w+)$/gm)].map(([, arrow = ""]) => arrow).sort();
  assert.equal(drawn, await arrows());
});

test("has every room in its table", async () => {
  const rooms = (await readdir(lib, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, room]) => room);
  assert.equal([...listed].sort(), rooms.map(({ name }) => name).sort());
});

test("names files that exist", async () => {
  const files = new Set(await readdir(lib, { recursive: true }));
  for (const [, path = ""] of page.matchAll(/`((?:base|events|rpc|pending|ledger|keeper|cli)\/[\w./-]+)`/g))
    assert.ok(files.has(path.replace(/\/$/, "")), `${path} is not in lib/`);
});
