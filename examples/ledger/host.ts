import { readFile } from "node:fs/promises";
import { connect, registerInterest, type SessionCreateParams } from "latchkey";

const { ENDPOINT = "", TOKEN } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
const params: SessionCreateParams = JSON.parse(await readFile("session.json", "utf8"));
const { sessionId } = await rpc.request("session.create", params);
await registerInterest(rpc.session(sessionId), "mcp.oauth_required");
console.log(`session ${sessionId}`);
