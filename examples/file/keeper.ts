import { connect, hold } from "latchkey";

const { ENDPOINT = "", TOKEN } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
rpc.events.on("session.lifecycle", async ({ sessionId, event }) => {
  if (event.type !== "session.created") return;
  await hold(rpc, sessionId);
  console.log(`holding ${sessionId}`);
});
console.log(`keeping new sessions at ${rpc.endpoint}`);
await rpc.closed;
