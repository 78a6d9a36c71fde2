/** Lengths of time on the command line. */
import * as assert from "uvu/assert";
import { age, duration } from "../../lib/cli/duration.js";
import { suite } from "../support/suite.js";

const test = suite("lengths of time");

test("are a number and a unit, or several of these", () => {
  for (const [text, ms] of [
    ["30d", 30 * 86_400_000],
    ["12h", 43_200_000],
    ["15m", 900_000],
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["2w", 14 * 86_400_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["250ms", 250],
    ["0s", 0],
  ] as const)
    assert.is(duration(text, "older"), ms, text);
});

test("anything else is refused, and a plain number too unless it has a unit of its own", () => {
  for (const text of ["30", "d", "30 d", "-1d", "30x", "1d x", "1dd", "1e3s", "Infinity", "0x10", " "])
    assert.throws(() => duration(text, "older"), /--older must be a length of time/, text);
  assert.is(duration("60", "lease", { plain: "s" }), 60_000);
  assert.is(duration("0.3", "lease", { plain: "s" }), 300);
  assert.is(duration("5m", "lease", { plain: "s" }), 300_000);
  for (const text of ["-1", "Infinity", "NaN", "", "x"])
    assert.throws(() => duration(text, "lease", { plain: "s" }), /--lease must be a number of seconds/, text);
});

test("an age is shown in its largest unit", () => {
  const now = Date.now();
  for (const [ms, shown] of [
    [0, "0s"],
    [-5000, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [7_200_000, "2h"],
    [30 * 86_400_000, "30d"],
  ] as const)
    assert.is(age(new Date(now - ms), now), shown);
});
