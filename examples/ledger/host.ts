import { registerInterest } from "latchkey/events";
import { connect } from "latchkey/rpc";

const { ENDPOINT = "", TOKEN, MCP_URL = "" } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
const notes = { type: "http" as const, url: MCP_URL, tools: ["*"], oauthClientId: "notes", oauthPublicClient: true };
const { sessionId } = await rpc.request("session.create", { mcpServers: { notes } });
await registerInterest(rpc.session(sessionId), "mcp.oauth_required");
