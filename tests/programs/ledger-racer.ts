/** Claims and answers whatever it can get, together with others of its kind. */
import { openLedger } from "latchkey/ledger";
import * as v from "valibot";
import { given, heard, say } from "../support/world/program.js";

const { location, key } = given(v.object({ location: v.string(), key: v.string() }));
const ledger = await openLedger(location, { key });
await say({ type: "ready" });
for await (const _ of heard()) break;
const won: { credential: string; fence: number }[] = [];
for (;;) {
  const claim = await ledger.claim({}, { owner: `racer ${process.pid}` });
  if (claim === undefined) break;
  won.push({ credential: claim.entry.credential, fence: claim.fence });
  await claim.answer({ kind: "token", accessToken: `${process.pid}-${claim.fence}` });
}
await say({ type: "done", won });
await ledger.close();
process.stdin.destroy();
