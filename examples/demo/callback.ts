/** Where the browser comes back to: finishes a sign-in that another process began. All it has is the ledger and the URL. */
import { openLedger } from "latchkey/ledger";
import { finishCode, parseFlow, toAnswer } from "latchkey/oauth";
import { heard } from "../../tests/support/world/program.js";
import { brokerGiven, did, short } from "./role.js";

const ledger = await openLedger(brokerGiven().ledger);

for await (const { url } of heard()) {
  const callback = new URL(String(url));
  const tag = callback.searchParams.get("state") ?? "";
  await using claim = await ledger.claim({ kind: "mcp.oauth_required", tag }, { owner: "callback", waitMs: 5_000 });
  if (claim === undefined) throw new Error("no sign-in waits for this callback");
  const flow = parseFlow(await claim.stashed());
  if (flow.type !== "code-flow") throw new Error("another way to sign in");
  const grant = await finishCode(flow, callback);
  {
    await using held = await claim.grant();
    await held.keep(grant);
  }
  await claim.answer(toAnswer(grant), { by: "callback", account: "ada" });
  await did(
    `finishes the sign-in of entry ${short(claim.entry.id)} by its state: grant and token lie sealed in the ledger`,
  );
}
