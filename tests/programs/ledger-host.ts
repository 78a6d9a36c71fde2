/** The host of the circle with a ledger: the request is on disk when `record` resolves. */
import { openLedger } from "latchkey/ledger";
import * as v from "valibot";
import { playHost } from "../support/circle/host.js";
import { given } from "../support/world/program.js";

const { ledger: location } = given(v.object({ ledger: v.string() }));

const ledger = await openLedger(location);
await playHost(async (request) => {
  await ledger.record(request, { by: "host" });
});
