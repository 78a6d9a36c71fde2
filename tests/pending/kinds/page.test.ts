import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { tables } from "../../support/kinds/page.js";
import { suite } from "../../support/suite.js";

const test = suite("docs/kinds.md");
const path = join(dirname(createRequire(import.meta.url).resolve("latchkey/package.json")), "docs/kinds.md");

/** `WRITE_PAGES=1` writes the tables into the page instead of comparing them. */
const write = process.env.WRITE_PAGES === "1";

for (const [name, wanted] of Object.entries(tables)) {
  test(`its table "${name}" is the kinds table`, async () => {
    const page = await readFile(path, "utf8");
    const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`];
    const from = page.indexOf(begin) + begin.length;
    const to = page.indexOf(end);
    assert.ok(from >= begin.length && to >= from, `docs/kinds.md has no place for "${name}"`);
    if (write) await writeFile(path, page.slice(0, from) + wanted + page.slice(to));
    else assert.is(page.slice(from, to), wanted);
  });
}
