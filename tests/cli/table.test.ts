/** The tables of the command, by themselves. */
import * as assert from "uvu/assert";
import { table } from "../../lib/cli/table.js";
import { suite } from "../support/suite.js";

const test = suite("tables");
const head = (text: string): string => text;
/** More than Node passes as arguments of one call. */
const count = 150_000;

for (const [name, width] of [
  ["as wide as it is", undefined],
  ["cut to a terminal", 60],
  ["in blocks on a narrow one", 30],
] as const)
  test(`${count} rows, ${name}`, () => {
    const rows = Array.from({ length: count }, (_, n) => [`id-${n}`, "x".repeat(n % 40), "what is asked by whom"]);
    const lines = table(["ID", "NAME", "WHAT"], rows, { head, width, flexible: 2, stacked: [1, 2] }).split("\n");
    assert.is(lines.filter((line) => /^id-\d+/.test(line)).length, count);
    assert.ok(lines.every((line) => width === undefined || line.length <= width));
  });
