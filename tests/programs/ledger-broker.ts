/** Obtains what the ledger asks for. It has neither a connection to the runtime nor a token for one. */
import { openLedger } from "latchkey/ledger";
import { wholeData } from "latchkey/pending";
import * as v from "valibot";
import { given, say } from "../support/world/program.js";
import { obtainToken, tokenAnswer } from "../support/world.js";

const { ledger: location } = given(v.object({ ledger: v.string() }));

const ledger = await openLedger(location);
const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker", waitMs: 5000 });
if (claim === undefined) throw new Error("nothing to claim");
const { id, requestId } = claim.entry;
const transitions = ledger.watch({ id });
const tokens = await obtainToken(wholeData(await claim.request()));
await claim.answer(tokenAnswer(tokens), { by: "broker", account: "Ada" });
for await (const { state, outcome } of transitions) {
  if (state === "settled") {
    await say({ type: "answered", requestId, accepted: outcome === "accepted" });
    break;
  }
}
await ledger.close();
