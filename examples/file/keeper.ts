import { hold } from "latchkey/pending";
import { connect } from "latchkey/rpc";

const { ENDPOINT = "", TOKEN } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
rpc.events.on("session.lifecycle", async ({ sessionId, event }) => {
  if (event.type !== "session.created") return;
  await hold(rpc, sessionId);
  console.log(`holding ${sessionId}`);
});
console.log(`keeping what is born at ${rpc.endpoint}`);
await rpc.closed;
