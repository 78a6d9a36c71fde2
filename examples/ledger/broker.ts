import { text } from "node:stream/consumers";
import { openLedger } from "latchkey/ledger";

const ledger = await openLedger("ledger.db");
const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "ada's desk", leaseMs: 600_000 });
if (!claim) throw new Error("nothing waits for a token");
const accessToken = (await text(process.stdin)).trim();
await claim.answer({ kind: "token", accessToken });
await ledger.close();
