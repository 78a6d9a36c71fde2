/**
 * A broker that stays and answers every request for a token: from what is kept where that will do, else by a sign-in in a browser that
 * consents at once. It has the ledger and nothing else. What it says: `ready`, `answered` (how).
 */
import { openLedger } from "latchkey/ledger";
import * as v from "valibot";
import { answerByOAuth, consentAtOnce } from "../support/oauth/sign-in.js";
import { given, say } from "../support/world/program.js";

const { ledger: location } = given(v.object({ ledger: v.string() }));
const ledger = await openLedger(location);
// It ends with its parent.
process.stdin.resume().once("end", () => process.exit());
await say({ type: "ready" });
for (;;) {
  await using claim = await ledger.claim(
    { kind: "mcp.oauth_required" },
    { owner: `broker ${process.pid}`, waitMs: 600_000 },
  );
  if (claim !== undefined) await say({ type: "answered", ...(await answerByOAuth(claim, consentAtOnce)) });
}
