/**
 * Holds sessions, writes down what they ask, and carries answers to them.
 * What it says: `ready`, `held`, `caught` (entries of a log read late), `missed`, `recorded`, `settled`, `gone`.
 */
import { deliverAnswers, keepSessions, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { hold } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { keyOf, principal, programOptions, tell } from "../support/resume/program.js";
import { given, heard, say } from "../support/world/program.js";

const work = given(
  v.object({
    ...programOptions,
    /** Sessions that are loaded already. */
    holds: v.optional(v.array(v.string()), []),
    permissions: v.optional(v.boolean(), false),
  }),
);

const ledger = await openLedger(work.ledger, keyOf(work));
const rpc = await connect(work.endpoint, { token: work.token });
void rpc.closed.then(async () => {
  await say({ type: "gone" });
  process.exit(0);
});
const recorder = recordPending(rpc, ledger, {
  principal,
  by: "keeper",
  ...(work.permissions
    ? {}
    : { kinds: ["mcp.oauth_required", "mcp.headers_refresh_required", "external_tool.requested"] }),
});
tell(recorder, deliverAnswers(rpc, ledger, { owner: "keeper", leaseMs: 2000 }));
const keeper = keepSessions(rpc, { updated: true });
keeper.events.on("held", ({ sessionId }) => say({ type: "held", sessionId }));
keeper.events.on("missed", ({ sessionId, error }) => say({ type: "missed", sessionId, error: String(error) }));
for (const sessionId of work.holds) {
  await hold(rpc, sessionId, { timeoutMs: 5000 });
  const entries = await recorder.catchUp(sessionId);
  await say({ type: "caught", sessionId, requests: entries.map(({ requestId }) => requestId) });
}
await say({ type: "ready" });
for await (const _ of heard()) {
  // It is told nothing; it ends with its parent.
}
