/** A broker on a host of its own that works until nothing is left, whatever becomes of its link. */
import { openPostgresLedger } from "latchkey/ledger/postgres";
import * as v from "valibot";
import { given, say } from "../support/world/program.js";

const work = given(v.object({ location: v.string(), key: v.string(), name: v.string(), leaseMs: v.number() }));
const ledger = await openPostgresLedger(work.location, { key: work.key, timeoutMs: 700, waitMs: 30_000 });
for (;;) {
  const claim = await ledger.claim({}, { owner: work.name, leaseMs: work.leaseMs });
  if (claim === undefined) {
    if ((await ledger.list({ state: "open", limit: 1 })).length === 0) break;
    await ledger.claim({}, { owner: work.name, leaseMs: 1, waitMs: 200 }).then((late) => late?.release());
    continue;
  }
  await say({ type: "claimed", fence: claim.fence });
  // A person needs a moment.
  await new Promise((resolve) => setTimeout(resolve, 40));
  try {
    const { id } = await claim.answer({ kind: "token", accessToken: `${work.name}-${claim.fence}` });
    await say({ type: "answered", id, fence: claim.fence });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : String(error);
    await say({ type: "refused", code });
  }
}
await say({ type: "done" });
await ledger.close();
