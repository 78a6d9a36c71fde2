/** Owns the session, writes down what it is asked, and is killed before anybody has answered. */
import { registerInterest } from "latchkey/events";
import { openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import { say } from "../../tests/support/world/program.js";
import { sessionParams } from "../../tests/support/world/session-params.js";
import { did, endWithTheDemo, hostGiven, short } from "./role.js";

endWithTheDemo();
const { ledger: location, endpoint, token, prompt, places } = hostGiven();
const ledger = await openLedger(location);
const rpc = await connect(endpoint, { token });

const { sessionId } = await rpc.request("session.create", sessionParams(places));
const session = rpc.session(sessionId);
await did(`creates session ${short(sessionId)}`);

session.events.on("mcp.oauth_required", async (event) => {
  const { reason, serverName, wwwAuthenticateParams } = event.data;
  await did(`is asked for a token: ${serverName}, ${reason}, scope "${wwwAuthenticateParams?.scope ?? ""}"`);
  const request = pendingRequest(event, { sessionId, endpoint: rpc.endpoint, principal: "ada" });
  const { id } = await ledger.record(request, { by: "host" });
  await did(`has it on disk as entry ${short(id)}, and does nothing about it`);
  await say({ type: "recorded", reason });
});

const connected = session.events.wait("session.mcp_server_status_changed", {
  where: ({ data }) => data.status === "connected",
});
await registerInterest(session, "mcp.oauth_required");
await did("registers interest in mcp.oauth_required");

await connected;
await did(`sends the prompt "${prompt}"`);
await session.request("send", { prompt });
