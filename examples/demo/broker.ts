/** Obtains tokens. It never connects to the runtime, it never saw the session; all it has is the ledger. */
import { openLedger } from "latchkey/ledger";
import { wholeData } from "latchkey/pending";
import { obtainToken, tokenAnswer } from "../../tests/support/world/oauth-client.js";
import { heard } from "../../tests/support/world/program.js";
import { brokerGiven, did, short } from "./role.js";

const ledger = await openLedger(brokerGiven().ledger);

for await (const _ of heard()) {
  const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker", waitMs: 5_000 });
  if (claim === undefined) throw new Error("the ledger has nothing that waits for a token");
  await did(`claims entry ${short(claim.entry.id)} under fence ${claim.fence}`);
  const tokens = await obtainToken(wholeData(await claim.request()));
  await did(`has a token for "${tokens.scope}" by code and PKCE`);
  await claim.answer(tokenAnswer(tokens), { by: "broker", account: "ada" });
  await did(`has answered entry ${short(claim.entry.id)}: the token lies sealed in the ledger`);
}
