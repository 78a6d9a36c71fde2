/** The rounds themselves are played by `npm run chaos`; what a failing seed needs to be played again is proven here. */
import * as assert from "uvu/assert";
import { scheduleOf } from "./support/chaos/schedule.js";
import { suite } from "./support/suite.js";

const test = suite("Chaos");

test("a seed always makes the same schedule", () => {
  for (let seed = 1; seed <= 20; seed += 1) assert.equal(scheduleOf(seed), scheduleOf(seed));
  assert.is.not(JSON.stringify(scheduleOf(7)), JSON.stringify(scheduleOf(8)));
});
