/** Refreshes the grant that waits: holds it, spends it, keeps the next. With `LATCHKEY_FAULT` set it dies on the way; at `pauseAt` it waits to be told. */
import { openLedger } from "latchkey/ledger";
import * as v from "valibot";
import { given, heard, say } from "../../support/world/program.js";

const work = given(
  v.object({
    location: v.string(),
    key: v.string(),
    leaseMs: v.number(),
    pauseAt: v.optional(v.picklist(["held", "spent", "presented"])),
  }),
);
const told = heard();
const ledger = await openLedger(work.location, { key: work.key });
const claim = await ledger.claim({}, { owner: "victim", leaseMs: work.leaseMs });
const held = await claim?.grant({ leaseMs: work.leaseMs });
if (held === undefined) throw new Error("nothing to claim");

async function reached(point: typeof work.pauseAt): Promise<void> {
  if (point !== work.pauseAt) return;
  await say({ type: "paused" });
  await told.next();
}

try {
  await reached("held");
  await held.spend();
  await reached("spent");
  // Here it would be presented to the authorization server.
  await say({ type: "presented" });
  await reached("presented");
  await held.keep({ refreshToken: "R2" });
  await held.release();
  await say({ type: "done", outcome: "kept" });
} catch (error) {
  await say({ type: "done", outcome: error instanceof Error && "code" in error ? error.code : String(error) });
}
await ledger.close();
process.exit();
