// npm run mutants [-- pattern…]: takes the comparisons that guard answers out, one at a time, and sees a test fail for each. Those
// whose loss no test notices are listed at the end, and fail the run unless docs/testing.md names them with a reason.
//   --list     says what would be taken out, and runs nothing
// A pattern leaves those whose file, comparison and what it is taken for, written one after the other, contain one.
//
// Everything happens in a copy of the tree. All mutants are built into it at once, each behind a switch, so nothing is built again
// between two of them. One test file runs at a time, and only the tests that come by a mutant.

import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { walk } from "./files.mjs";
import { capture } from "./mutants/capture.mjs";
import { findMutants, rowOf, switchModule, withSwitches } from "./mutants/find.mjs";
import { groupOf, groups } from "./mutants/groups.mjs";
import { knownSurvivors, reportStale } from "./mutants/known.mjs";
import { stop, tryFile } from "./mutants/run.mjs";
import { killRunning } from "./run-file.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values: options, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: { list: { type: "boolean", default: false } },
});
const say = (text) => process.stdout.write(`${text}\n`);

async function everyMutant() {
  const found = [];
  for (const path of await walk(root, "lib")) {
    const group = groupOf(path);
    if (group === undefined) continue;
    found.push(...findMutants(path, await readFile(join(root, path), "utf8"), group.words));
  }
  return patterns.length === 0 ? found : found.filter(({ id }) => patterns.some((pattern) => id.includes(pattern)));
}

/** The tree with all mutants in it, none of them switched on. */
async function makeCopy(copy, mutants) {
  await mkdir(copy);
  const parts = ["lib", "tests", "examples", "bench", "scripts", "docs", "package.json", "package-lock.json"];
  for (const part of [...parts, "tsconfig.json", "tsconfig.build.json"])
    await cp(join(root, part), join(copy, part), { recursive: true, preserveTimestamps: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  await writeFile(join(copy, "active"), "");
  await writeFile(join(copy, "lib/base/mutant.ts"), switchModule(copy));
  for (const path of new Set(mutants.map((mutant) => mutant.path))) {
    const own = mutants.filter((mutant) => mutant.path === path);
    await writeFile(join(copy, path), withSwitches(path, await readFile(join(copy, path), "utf8"), own));
  }
  const { code, output } = await capture(process.execPath, ["scripts/build.mjs", "--no-types"], copy);
  if (code !== 0) throw new Error(`the copy does not build:\n${output}`);
}

/** What a test file that was ended leaves on disk goes. PostgreSQL, which may run as another user, passes through to its folder. */
async function emptyTemporary() {
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  for (const each of [folder, temporary]) await chmod(each, 0o711);
}

/** The mutants of one group that none of its test files noticed. */
async function tryGroup(copy, group, mutants, known) {
  let alive = mutants;
  const cameBy = new Set();
  for (const test of group.tests) {
    if (alive.length === 0) break;
    await emptyTemporary();
    const { verdicts, reached } = await tryFile(copy, test, alive, say);
    for (const place of reached) cameBy.add(place);
    for (const mutant of alive) {
      const { by, error } = verdicts.get(mutant.id) ?? {};
      if (by !== undefined)
        say(`killed ${rowOf(mutant)}  by "${by}"${/took longer/.test(error) ? " (it stood still)" : ""}`);
    }
    alive = alive.filter(({ id }) => verdicts.get(id)?.by === undefined);
  }
  for (const mutant of alive)
    say(
      `${known.has(rowOf(mutant)) ? "known " : "ALIVE "} ${rowOf(mutant)}${cameBy.has(mutant.place) ? "" : "  no test comes by"}`,
    );
  return alive;
}

const mutants = await everyMutant();
if (options.list) {
  for (const mutant of mutants) say(rowOf(mutant));
  say(`${mutants.length} mutants`);
  process.exit();
}
setPriority(15);
const folder = await mkdtemp(join(tmpdir(), "latchkey-mutants-"));
// Beside the copy and not in it: a module that a test writes there must not find the node_modules of the copy.
const [copy, temporary] = [join(folder, "tree"), join(folder, "tmp")];
process.env.TMPDIR = temporary;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, stop);
}
try {
  await makeCopy(copy, mutants);
  const known = await knownSurvivors(root);
  const survivors = [];
  for (const group of groups) {
    const own = mutants.filter(({ path }) => groupOf(path) === group);
    if (own.length > 0) survivors.push(...(await tryGroup(copy, group, own, known)));
  }
  const alive = survivors.filter((mutant) => !known.has(rowOf(mutant)));
  const stale = reportStale(known, mutants, survivors, patterns.length === 0, rowOf);
  for (const mutant of alive) say(`no test misses: ${rowOf(mutant)}`);
  for (const row of stale) say(`docs/testing.md lists what is no survivor: ${row}`);
  say(`\n${mutants.length - survivors.length} killed, ${survivors.length - alive.length} known, ${alive.length} alive`);
  process.exitCode = alive.length + stale.length > 0 ? 1 : 0;
} finally {
  killRunning();
  await rm(folder, { recursive: true, force: true });
}
