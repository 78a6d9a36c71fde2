/** A row of the crash table is worth as much as the test that it names. */
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const page = await readFile(join(root, "docs/failure.md"), "utf8");

interface Named {
  /** Path in the repository. */
  readonly file: string;
  readonly titles: readonly string[];
}

/** The files of tests that a text links to, each with the titles that follow it in “…”. */
function named(text: string): Named[] {
  return [...text.matchAll(/\]\(\.\.\/(tests\/[^)]+)\)([^[|]*)/g)].map(([, file = "", after = ""]) => ({
    file,
    titles: [...after.matchAll(/“(.+?)”/g)].map(([, title = ""]) => title),
  }));
}

/** The last cells of the rows of those tables that end with a column "test". */
function testCells(text: string): string[] {
  const tables = text.split(/\n{2,}/).filter((part) => /^\|.*\| test \|\n/.test(part));
  return tables.flatMap((table) => table.trimEnd().split("\n").slice(2)).map((row) => row.split(" | ").at(-1) ?? "");
}

/** The titles under which a file registers its tests, whatever they are made of. */
async function titlesOf(file: string): Promise<string[]> {
  const built = join(root, "build", file.replace(/\.ts$/, ".js"));
  const env = { ...process.env, LATCHKEY_TEST_TITLES: "1", LATCHKEY_TESTS: "all" };
  return JSON.parse((await promisify(execFile)(process.execPath, [built], { env })).stdout);
}

/** A title may be shortened at its beginning by an ellipsis. */
const isTitle = (wanted: string, titles: readonly string[]): boolean =>
  wanted.startsWith("…") ? titles.some((title) => title.endsWith(wanted.slice(1))) : titles.includes(wanted);

const test = suite("docs/failure.md");

test("names a test in every row of its crash table", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const cells = testCells(page);
  assert.ok(cells.length > 25);
  for (const cell of cells) {
    const [, script = ""] = /`npm run (\w+)`/.exec(cell) ?? [];
    assert.ok(named(cell).some(({ titles }) => titles.length > 0) || script in scripts, cell);
  }
});

for (const file of new Set(named(page).map(({ file }) => file))) {
  test(`names tests of ${file} that exist`, async () => {
    assert.ok((await stat(join(root, file))).isFile());
    const wanted = named(page).flatMap((at) => (at.file === file ? at.titles : []));
    const titles = wanted.length === 0 ? [] : await titlesOf(file);
    for (const title of wanted) assert.ok(isTitle(title, titles), `${file} has no test “${title}”`);
  });
}

test("would be found out", async () => {
  const table =
    "| when | test |\n| --- | --- |\n| a | [b](../tests/b.test.ts): “c”, “…d”; [e](../tests/e.ts) |\n| f | |";
  const cells = testCells(`# page\n\n${table}\n\n| g | h |\n| --- | --- |\n| i | j |\n`);
  assert.is(cells.length, 2);
  assert.equal(named(cells[0] ?? ""), [
    { file: "tests/b.test.ts", titles: ["c", "…d"] },
    { file: "tests/e.ts", titles: [] },
  ]);
  assert.equal(named(cells[1] ?? ""), []);
  assert.equal([isTitle("c", ["cc"]), isTitle("…d", ["cd"]), isTitle("…d", ["dc"])], [false, true, false]);
});
