/** Claims, and answers only when it is told to: too late, when it was stopped meanwhile. */
import { openLedger } from "latchkey/ledger";
import * as v from "valibot";
import { given, heard, say } from "../support/world/program.js";

const { location, key, leaseMs } = given(v.object({ location: v.string(), key: v.string(), leaseMs: v.number() }));
const ledger = await openLedger(location, { key });
const claim = await ledger.claim({}, { owner: "holder", leaseMs });
await say({ type: "claimed", fence: claim?.fence });
for await (const _ of heard()) break;
const outcome = await claim?.answer({ kind: "token", accessToken: "LATE" }).then(
  () => "written",
  (error: Error & { code?: string }) => error.code,
);
await say({ type: "tried", outcome });
await ledger.close();
process.stdin.destroy();
