/** docs/testing.md says of every test file where it runs. The table is made from the files themselves. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";
import { allRuntimes } from "../support/world.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const path = join(root, "docs/testing.md");
const [older = "", newer = ""] = allRuntimes.map(({ name }) => name);
const begin = "<!-- files: WRITE_PAGES=1 node build/tests/project/testing-page.test.js -->\n";
const end = "<!-- /files -->";

/** One row: the file, where it runs in `npm test`, and where in `npm run test:all`. */
function rowOf(file: string, source: string): string {
  const both = /^for \(const \w+ of runtimes\)|^contractSuites\("real"/m.test(source);
  const imports = [...source.matchAll(/^import [^;]*;/gm)].join("\n");
  if (/^for \(const \w+ of fakeAndReal\)/m.test(source))
    return `| \`${file}\` | on the fake | on the fake and both runtimes |`;
  const isLong = file.endsWith(".long.test.ts");
  if (/\bfakeByDay\b/.test(imports))
    return `| \`${file}\` | ${isLong ? "–" : "once, on the fake"} | once, on ${older} |`;
  const named = [/\bbundled\b/.test(imports) && older, /\bcli\b(?!\/)/.test(imports) && newer];
  const on = named.filter(Boolean).join(" and ");
  const once = on === "" ? "once" : `once, on ${on}`;
  const day = isLong ? "–" : both ? `on ${older}` : once;
  return `| \`${file}\` | ${day} | ${both ? "on both runtimes" : once} |`;
}

async function table(): Promise<string> {
  const files = (await readdir(join(root, "tests"), { recursive: true }))
    .map((name) => `tests/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".test.ts") && !name.startsWith("tests/fixtures/"))
    .sort();
  const rows = await Promise.all(files.map(async (file) => rowOf(file, await readFile(join(root, file), "utf8"))));
  return ["| file | `npm test` | `npm run test:all` |", "| --- | --- | --- |", ...rows, ""].join("\n");
}

const test = suite("docs/testing.md");

test("says where each test file runs", async () => {
  const page = await readFile(path, "utf8");
  const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)];
  assert.ok(from >= begin.length && to >= from, "docs/testing.md has no place for the table");
  const wanted = await table();
  if (process.env.WRITE_PAGES === "1") await writeFile(path, page.slice(0, from) + wanted + page.slice(to));
  else assert.is(page.slice(from, to), wanted);
});

test("tells files apart", () => {
  assert.is(
    rowOf("tests/a.test.ts", "for (const under of fakeAndReal) {"),
    "| `tests/a.test.ts` | on the fake | on the fake and both runtimes |",
  );
  assert.is(
    rowOf("tests/a.test.ts", 'import { fakeByDay } from "../support/world.js";'),
    `| \`tests/a.test.ts\` | once, on the fake | once, on ${older} |`,
  );
  assert.is(rowOf("tests/a.test.ts", "test('a')"), "| `tests/a.test.ts` | once | once |");
  assert.is(rowOf("tests/a.long.test.ts", "test('a')"), "| `tests/a.long.test.ts` | – | once |");
  assert.is(
    rowOf("tests/a.test.ts", "for (const under of runtimes) {"),
    `| \`tests/a.test.ts\` | on ${older} | on both runtimes |`,
  );
  assert.is(
    rowOf("tests/a.test.ts", 'import { cli } from "../support/world.js";'),
    `| \`tests/a.test.ts\` | once, on ${newer} | once, on ${newer} |`,
  );
});
