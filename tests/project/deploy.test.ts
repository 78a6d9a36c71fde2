/** examples/deploy and docs/operating.md beside the code: commands, options and variables. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { commands } from "../../lib/cli/commands/all.js";
import { packageRoot } from "../support/commands.js";
import { suite } from "../support/suite.js";

const test = suite("deployment");
const deploy = join(packageRoot, "examples/deploy");
const page = await readFile(join(packageRoot, "docs/operating.md"), "utf8");

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((each) => each.isFile()).map((each) => join(each.parentPath ?? each.path, each.name));
}

/** The variables that a table of a page has rows for. */
const rowsOf = (text: string): string[] =>
  [...text.matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name = ""]) => name),
  );

test("docs/operating.md lists the variables that the code reads, and no other", async () => {
  const [, table = ""] = /\n## Environment\n(.*?)\n## /s.exec(page) ?? [];
  const listed = rowsOf(table);
  const read = new Set<string>();
  for (const path of (await filesBelow(join(packageRoot, "lib"))).filter((each) => each.endsWith(".ts"))) {
    // Points of faults are in no build that is published.
    if (path.endsWith("/generated.ts") || path.endsWith("lib/base/fault.ts")) continue;
    const code = (await readFile(path, "utf8")).replace(/^ *(\/\*)?\*.*$/gm, "");
    for (const [, name = ""] of code.matchAll(/\b(?:env|environment)\.([A-Z][A-Z_]+)\b/g)) read.add(name);
    for (const [, name = ""] of code.matchAll(/\b(LATCHKEY_[A-Z_]+[A-Z])\b/g)) read.add(name);
    for (const [names = ""] of code.matchAll(/\{[^{}]*\} = (?:process\.)?env\b/g))
      for (const [name] of names.matchAll(/\b[A-Z][A-Z_]+\b/g)) read.add(name);
  }
  for (const name of ["PATH", "SystemRoot", "HOME", "PATHEXT"]) read.delete(name);
  const byOthers = ["NODE_COMPILE_CACHE", "NODE_DISABLE_COMPILE_CACHE", "PGPASSWORD"];
  assert.equal(listed.filter((name) => !byOthers.includes(name)).sort(), [...read].sort());
});

/** The command lines of latchkey in a file of the examples, as words. */
async function commandLines(path: string): Promise<string[][]> {
  const text = await readFile(path, "utf8");
  const units = [...text.matchAll(/^ExecStart=\/usr\/bin\/env latchkey (.*)$/gm)].map(([, line = ""]) =>
    line.split(" "),
  );
  const compose = [...text.matchAll(/^ +command: \[(.*)\]$/gm)].map(([, line = ""]) => line.split(", "));
  const image = [...text.matchAll(/^CMD (\[.*\])$/gm)].map(([, line = ""]): string[] => JSON.parse(line));
  return [...units, ...compose, ...image];
}

test("every command line in examples/deploy has a command and options that exist", async () => {
  let seen = 0;
  for (const path of await filesBelow(deploy))
    for (const [name = "", ...words] of await commandLines(path)) {
      const command = commands.find((each) => each.name === name);
      assert.ok(command, `${path}: ${name}`);
      for (const word of words.filter((each) => each.startsWith("--")))
        assert.ok(Object.hasOwn(command.options, word.slice(2)), `${path}: ${name} ${word}`);
      seen += 1;
    }
  assert.ok(seen >= 5, `${seen} command lines`);
});

test("every variable in examples/deploy is in the table", async () => {
  const listed = rowsOf(page);
  for (const path of await filesBelow(deploy))
    for (const [name] of (await readFile(path, "utf8")).matchAll(/\bLATCHKEY_[A-Z_]+[A-Z]\b/g))
      assert.ok(listed.includes(name), `${path}: ${name}`);
});

test("each unit takes away the same", async () => {
  const units = (await filesBelow(deploy)).filter((path) => path.endsWith(".service"));
  const taken = await Promise.all(
    units.map(async (path) => /\n# What it cannot do\..*$/s.exec(await readFile(path, "utf8"))?.[0]),
  );
  assert.ok(units.length >= 2 && taken[0] !== undefined);
  for (const each of taken) assert.is(each, taken[0]);
});
