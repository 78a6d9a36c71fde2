import { deliverAnswers, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { hold } from "latchkey/pending";
import { connect } from "latchkey/rpc";

const { ENDPOINT = "", TOKEN } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
const ledger = await openLedger("ledger.db");
const recorder = recordPending(rpc, ledger);
deliverAnswers(rpc, ledger);
rpc.events.on("session.lifecycle", async ({ sessionId, event }) => {
  if (event.type !== "session.created") return;
  await hold(rpc, sessionId);
  await recorder.catchUp(sessionId);
  console.log(`holding ${sessionId}`);
});
console.log(`keeping what is born at ${rpc.endpoint}`);
await rpc.closed;
