/** Claims, obtains a token, and gets no further: it waits to be killed before it answers. */
import { openLedger } from "latchkey/ledger";
import { wholeData } from "latchkey/pending";
import * as v from "valibot";
import { given, heard, say } from "../support/world/program.js";
import { obtainToken, tokenAnswer } from "../support/world.js";

const work = given(v.object({ location: v.string(), key: v.string(), leaseMs: v.number(), stashes: v.boolean() }));
const ledger = await openLedger(work.location, { key: work.key });
const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "victim", leaseMs: work.leaseMs });
if (claim === undefined) throw new Error("nothing to claim");
const request = await claim.request();
if (request.kind !== "mcp.oauth_required") throw new Error(`no OAuth request: ${request.kind}`);
const answer = tokenAnswer(await obtainToken(wholeData(request)));
if (work.stashes) await claim.stash(answer);
await say({ type: "obtained", fence: claim.fence });
for await (const _ of heard());
