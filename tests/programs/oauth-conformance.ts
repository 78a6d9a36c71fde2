/**
 * The client under test of the MCP conformance suite: the runtime's part is played here (ask, record, retry with the answer), the
 * broker's by processes of their own. Its last argument is the server's URL; the scenario is in the environment.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";

const serverUrl = process.argv.at(-1) ?? "";
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? "";
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? "2026-07-28";
const stateless = version >= "2026";
const metadataUrl = "https://conformance-test.local/client-metadata.json";
const how = scenario.includes("client-credentials")
  ? "client-credentials"
  : scenario.includes("enterprise")
    ? "enterprise"
    : scenario.includes("wif")
      ? "assertion"
      : "code";

const folder = await mkdtemp(join(tmpdir(), "latchkey-conformance-"));
const place = { ledger: join(folder, "ledger.db"), keep: join(folder, "kept.json") };
const ledger = await openLedger(place.ledger);
let accessToken: string | undefined;
let sessionId: string | undefined;

interface Spoken {
  readonly type: string;
  readonly url?: string;
  readonly reason?: string;
}

/** One process of the broker, from its start to its end. */
async function broker(role: "begin" | "finish", more: object = {}): Promise<Spoken> {
  const options = { role, ...place, how, context: { ...context, jwt: context.valid_jwt }, metadataUrl, ...more };
  const program = fileURLToPath(new URL("./oauth-broker.js", import.meta.url));
  const child = spawn(process.execPath, [program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, GIVEN: JSON.stringify(options) },
  });
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  const spoken: Spoken = JSON.parse(Buffer.concat(chunks).toString() || '{"type":"nothing"}');
  process.stderr.write(`${role}: ${JSON.stringify(spoken)}\n`);
  return spoken;
}

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
  const begun = await broker("begin");
  if (begun.url !== undefined) {
    const consent = await fetch(begun.url, { redirect: "manual" });
    await broker("finish", { callback: consent.headers.get("location") ?? "" });
  }
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
} finally {
  await ledger.close();
  await rm(folder, { recursive: true });
}
