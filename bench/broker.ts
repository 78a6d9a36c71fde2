/** The broker of the circle, a process without a connection to the runtime: claims, obtains, answers, says when it did. */
import { openLedger } from "latchkey/ledger";
import { wholeData } from "latchkey/pending";
import { obtainToken, tokenAnswer } from "../tests/support/world.js";

const ledger = await openLedger(process.argv[2] ?? "", { key: process.argv[3] ?? "" });
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
for (;;) {
  const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker", waitMs: 60_000 });
  if (!claim) continue;
  const request = await claim.request();
  if (request.kind !== "mcp.oauth_required") throw new Error("not what was asked for");
  const answer = tokenAnswer(await obtainToken(wholeData(request)));
  const at = Number(process.hrtime.bigint()) / 1e6;
  await claim.answer(answer);
  process.send?.({ at });
}
