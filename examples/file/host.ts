import { readFile, writeFile } from "node:fs/promises";
import { connect, isPending, pendingRequest, registerInterest, type SessionCreateParams } from "latchkey";

const { ENDPOINT = "", TOKEN } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
const params: SessionCreateParams = JSON.parse(await readFile("session.json", "utf8"));
const { sessionId } = await rpc.request("session.create", params);
const session = rpc.session(sessionId);
session.events.on("*", async (event) => {
  if (!isPending(event)) return;
  const request = pendingRequest(event, { sessionId, endpoint: rpc.endpoint });
  const json = JSON.stringify({ request, secrets: request.secrets.reveal() });
  await writeFile(`${request.requestId}.json`, json, { mode: 0o600, flag: "wx" });
});
await registerInterest(session, "mcp.oauth_required");
