/** Answers what needs no person, and begins a sign-in where one is needed. It never connects to the runtime; all it has is the ledger. */
import { type Claim, openLedger } from "latchkey/ledger";
import { beginCode, chooseClient, chooseScope, discover, type Grant, renew, toAnswer } from "latchkey/oauth";
import { heard, say } from "../../tests/support/world/program.js";
import { brokerGiven, did, short } from "./role.js";

const redirectUri = "http://127.0.0.1/callback";
const ledger = await openLedger(brokerGiven().ledger);

for await (const _ of heard()) {
  await using claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker", waitMs: 5_000 });
  if (claim === undefined) throw new Error("the ledger has nothing that waits for a token");
  await did(`claims entry ${short(claim.entry.id)} under fence ${claim.fence}`);
  const renewal = await renew(claim);
  if (renewal.how === "person") {
    await begin(claim, renewal.before);
    continue;
  }
  await claim.answer(toAnswer(renewal.grant), { by: "broker" });
  await did(`has answered it without a person: the kept grant was ${renewal.how}`);
}

/** The flow lies sealed in the ledger, under its state, before anybody can open its URL. */
async function begin(claim: Claim<"mcp.oauth_required">, before: Grant | undefined): Promise<void> {
  const request = await claim.request();
  const authority = await discover(request);
  const client = await chooseClient(request, authority);
  const scope = chooseScope(request, authority, before);
  const flow = await beginCode(authority, client, { redirectUri, scope, before });
  await claim.stash(flow, { tag: flow.state });
  await did(`begins a sign-in for "${scope.join(" ")}", and keeps its flow in the ledger`);
  await say({ type: "open", url: flow.url });
}
