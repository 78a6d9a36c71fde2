import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The rows of the table in docs/testing.md: `| file | comparison | taken for | why |`. */
export async function knownSurvivors(root) {
  const page = await readFile(join(root, "docs/testing.md"), "utf8");
  const rows = page.split("\n").filter((line) => /^\| `lib\//.test(line));
  const known = new Map();
  for (const row of rows) {
    const found = /^(\| `lib\/.*\| (?:true|false|nothing) \|) (.+) \|$/.exec(row);
    if (found === null) throw new Error(`docs/testing.md: not a row of the table of survivors: ${row}`);
    known.set(found[1], found[2]);
  }
  return known;
}

/** Rows that a run has shown to be wrong: the comparison is not there, or a test misses it. */
export function reportStale(known, mutants, survivors, whole, rowOf) {
  const ran = new Set(mutants.map(rowOf));
  const alive = new Set(survivors.map(rowOf));
  return [...known.keys()].filter((row) => (ran.has(row) ? !alive.has(row) : whole));
}
