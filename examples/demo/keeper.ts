/** Stays near the runtime: holds every session from its birth, delivers answers, approves permissions; goes on when the host is gone. */
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { handlePendingRequest, hold, pendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import { heard, say } from "../../tests/support/world/program.js";
import { did, keeperGiven, short } from "./role.js";

const { ledger: location, endpoint, token } = keeperGiven();
const ledger = await openLedger(location);
const rpc = await connect(endpoint, { token });
rpc.events.on("listener:error", ({ error }) => {
  throw error;
});

const recorder = recordPending(rpc, ledger, { kinds: ["mcp.oauth_required"], principal: "ada", by: "keeper" });
const deliverer = deliverAnswers(rpc, ledger, { owner: "keeper" });
recorder.events.on("error", ({ error }) => did(`could not record: ${error}`));
deliverer.events.on("error", ({ error }) => did(`could not deliver: ${error}`));

const held = new Set<string>();
rpc.events.on("session.lifecycle", async ({ sessionId, event }) => {
  // Runtime 1.0.102 announces a birth twice.
  if (event.type !== "session.created" || held.has(sessionId)) return;
  held.add(sessionId);
  await hold(rpc, sessionId);
  await did(`holds session ${short(sessionId)} from its birth`);
  await say({ type: "held" });
});
void goOn();

/** The next turn, once the demo asks for it. Ends with the demo. */
async function goOn(): Promise<void> {
  for await (const { prompt } of heard()) {
    await did(`sends the prompt "${prompt}", for the host is gone`);
    for (const sessionId of held) await rpc.session(sessionId).request("send", { prompt: String(prompt) });
  }
}

const approved = new Set<string>();
rpc.events.on("permission.requested", async ({ sessionId, event }) => {
  const { toolCallId = "" } = event.data.permissionRequest;
  const again = approved.has(toolCallId) ? " again: after a token, the runtime asks a second time" : "";
  await handlePendingRequest(rpc, pendingRequest(event, { sessionId }), { kind: "approve-once" });
  approved.add(toolCallId);
  await did(`approves tool call ${toolCallId.slice(0, 13)}${again}`);
});

rpc.events.on("tool.execution_complete", async ({ event }) => {
  const { success, result, error } = event.data;
  await did(success ? `sees the tool end: "${result?.content}"` : `sees the tool fail: ${error?.message}`);
});
rpc.events.on("session.idle", () => say({ type: "idle" }));

const transitions = ledger.watch();
await did("waits for sessions to be born");
await say({ type: "ready" });
for await (const { id, state, outcome } of transitions) {
  if (state === "sent") await did(`gives the answer of entry ${short(id)} to the runtime`);
  if (state === "settled") await did(`sees entry ${short(id)} settled: ${outcome}`);
}
