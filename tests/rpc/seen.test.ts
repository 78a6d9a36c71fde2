/** The memory for events that come twice. */
import { randomUUID } from "node:crypto";
import * as assert from "uvu/assert";
import { createSeen } from "../../lib/rpc/seen.js";
import { suite } from "../support/suite.js";

const test = suite("events that were seen");

const counted = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

for (const [what, idOf] of [
  ["random UUIDs", () => randomUUID()],
  ["UUIDs that are counted up", counted],
  ["ids of any length", (n: number) => `event-${n}`],
  ["ids as long as a UUID that are not ASCII", (n: number) => `${String(n).padStart(35, "0")}ä`],
  ["ids that differ in the high byte alone", (n: number) => `${String.fromCharCode(0x100 + n).padEnd(36, "x")}`],
] as const)
  test(`the last ones of ${what} are known again, in their own session only`, () => {
    const size = 64;
    const isRepeated = createSeen(size);
    const ids = Array.from({ length: 1000 }, (_, n) => idOf(n));
    ids.forEach((id, n) => {
      assert.is(isRepeated("a", id), false, `${n}: new`);
      assert.is(isRepeated("a", id), true, `${n}: again`);
      const before = ids[n - size + 1];
      if (before !== undefined) assert.is(isRepeated("a", before), true, `${n}: ${size - 1} ids later`);
    });
    // At most two generations are kept.
    assert.is(isRepeated("a", ids[ids.length - 2 * size - 1] ?? ""), false);
    assert.is(isRepeated("b", ids.at(-1) ?? ""), false);
  });
