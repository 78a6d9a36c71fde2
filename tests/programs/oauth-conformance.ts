/**
 * The client under test of the MCP conformance suite: the runtime's part is played here (ask, record, retry with the answer), the
 * broker's by processes of their own. Its last argument is the server's URL; the scenario is in the environment.
 */
import { randomUUID } from "node:crypto";
import { openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import { suiteClient } from "../support/oauth/suite-client.js";

await using client = await suiteClient();
const { serverUrl, version } = client;
const stateless = version >= "2026";
await using ledger = await openLedger(client.ledger);
let accessToken: string | undefined;
let sessionId: string | undefined;

/** Records what the server demands, as a keeper would, and has it answered. */
async function obtain(response: Response): Promise<boolean> {
  const challenge = response.headers.get("www-authenticate") ?? "";
  const error = /error="([^"]*)"/.exec(challenge)?.[1];
  const reason = response.status === 403 ? "upscope" : accessToken === undefined ? "initial" : "reauth";
  const data = {
    ...{ requestId: randomUUID(), serverName: "conformance", serverUrl, reason },
    wwwAuthenticateParams: { error, scope: /scope="([^"]*)"/.exec(challenge)?.[1] },
    httpResponse: {
      statusCode: response.status,
      headers: [...response.headers].map(([name, value]) => ({ name, value })),
    },
  };
  const event = { type: "mcp.oauth_required", data: JSON.parse(JSON.stringify(data)) } as const;
  const { id } = await ledger.record(pendingRequest(event, { sessionId: "s-1", principal: "ada" }));
  await client.obtain();
  const delivery = await ledger.deliver(id, { owner: "keeper" });
  const answer = delivery?.answer;
  if (typeof answer !== "object" || !("accessToken" in answer)) return false;
  await delivery?.settle({ accepted: true });
  accessToken = answer.accessToken;
  return true;
}

async function post(method: string, params: Record<string, unknown>, id?: number): Promise<Response> {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientInfo": { name: "latchkey-tests", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const body = { jsonrpc: "2.0", id, method, params: stateless ? { ...params, _meta: meta } : params };
  return await fetch(serverUrl, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": version,
      ...(stateless && { "mcp-method": method }),
      ...(stateless && typeof params.name === "string" && { "mcp-name": params.name }),
      ...(sessionId !== undefined && { "mcp-session-id": sessionId }),
      ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify(body),
  });
}

/** Until the server takes a call, or the broker gives up. */
async function call(method: string, params: Record<string, unknown>, id?: number): Promise<Record<string, unknown>> {
  for (let tries = 0; tries < 8; tries++) {
    const response = await post(method, params, id);
    if (response.status === 401 || response.status === 403) {
      if (!(await obtain(response))) throw new Error("no token was obtained");
      continue;
    }
    sessionId = response.headers.get("mcp-session-id") ?? sessionId;
    const text = await response.text();
    const line = text.split("\n").find((each) => each.startsWith("data: {"));
    if (!response.ok) throw new Error(`${method}: ${response.status} ${text}`);
    return text === "" ? {} : (JSON.parse(line?.slice(6) ?? text).result ?? {});
  }
  throw new Error("the server is never satisfied");
}

try {
  if (!stateless) {
    const clientInfo = { name: "latchkey-tests", version: "1" };
    await call("initialize", { protocolVersion: version, capabilities: {}, clientInfo }, 1);
    await call("notifications/initialized", {});
  }
  const { tools = [] } = await call("tools/list", {}, 2);
  const [tool] = tools as { name: string }[];
  if (tool !== undefined) await call("tools/call", { name: tool.name, arguments: {} }, 3);
} catch (error) {
  process.stderr.write(`${error}\n`);
  process.exitCode = 1;
}
