import { writeFile } from "node:fs/promises";
import { registerInterest } from "latchkey/events";
import { isPending, pendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";

const { ENDPOINT = "", TOKEN, MCP_URL = "" } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
const notes = { type: "http" as const, url: MCP_URL, tools: ["*"], oauthClientId: "notes", oauthPublicClient: true };
const { sessionId } = await rpc.request("session.create", { mcpServers: { notes } });
const session = rpc.session(sessionId);
session.events.on("*", async (event) => {
  if (!isPending(event)) return;
  const request = pendingRequest(event, { sessionId, endpoint: rpc.endpoint });
  const json = JSON.stringify({ request, secrets: request.secrets.reveal() });
  await writeFile(`${request.requestId}.json`, json, { mode: 0o600, flag: "wx" });
});
await registerInterest(session, "mcp.oauth_required");
