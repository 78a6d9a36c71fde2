import * as assert from "uvu/assert";
import { Parking } from "../../lib/keeper/parking.js";
import { suite } from "../support/suite.js";

const test = suite("Parked entries");

test("an entry is doubted once its load was seen not to show it, and until it is taken out", () => {
  const parking = new Parking();
  const entry = { id: "e", sessionId: "s" };
  const doubted = (): boolean[] => parking.of("s").map((parked) => parked.doubted);
  assert.is(parking.add(entry, { doubted: false }), true);
  assert.equal(doubted(), [false]);
  assert.is(parking.add(entry, { doubted: false }), false);
  assert.equal(doubted(), [false]);
  parking.add(entry, { doubted: true });
  assert.equal(doubted(), [true]);
  parking.add(entry, { doubted: false });
  assert.equal(doubted(), [true]);
  for (const parked of parking.of("s")) parking.remove(parked);
  assert.equal(parking.sessions(), []);
  parking.add(entry, { doubted: false });
  assert.equal(doubted(), [false]);
});
