import { randomUUID } from "node:crypto";
import type { AuthorizationServer } from "./authorization.js";
import type { Grant } from "./grants.js";
import { bodyOf, json, type Listening, listen } from "./http.js";

/** One tool call that ran; a call that was refused at the door is not among them. */
export interface ToolRun {
  readonly tool: string;
  readonly arguments: Record<string, unknown>;
  readonly subject: string;
  readonly scope: readonly string[];
}

/** One HTTP request to the MCP endpoint and how it ended. */
export interface Knock {
  readonly http: string;
  /** The JSON-RPC method in the body. */
  readonly method?: string | undefined;
  /** The bearer token as presented. */
  readonly token?: string | undefined;
  readonly status: number;
}

export interface McpServerOptions {
  readonly authorization: AuthorizationServer;
  /** The scope that the server asks for at the door. Default "mcp.read". */
  readonly scope?: string;
  /** The scope that `write` needs beyond it. Default "mcp.write". */
  readonly writeScope?: string;
}

/** A protected MCP server on streamable HTTP with the tools `whoami`, `echo` and, for a wider scope, `write`. */
export interface McpServer extends Listening {
  /** The MCP endpoint, which is also the resource that tokens must be for. */
  readonly endpoint: string;
  readonly resourceMetadataUrl: string;
  readonly runs: readonly ToolRun[];
  readonly knocks: readonly Knock[];
  /** Resolves with the first run of a tool that the condition accepts, at once if it is there already. */
  ran(tool: string): Promise<ToolRun>;
  /** The next tool call is refused with this challenge, whatever its token. */
  refuseNext(challenge: Challenge): void;
}

export interface Challenge {
  readonly status: 401 | 403;
  /** The parameters after `Bearer`, in order. */
  readonly parameters: Record<string, string>;
  readonly body?: unknown;
}

const tools = [
  { name: "whoami", description: "Says on whose behalf the caller acts.", properties: {} },
  { name: "echo", description: "Gives the text back.", properties: { text: { type: "string" } } },
  { name: "write", description: "Writes a note; needs a wider scope.", properties: { text: { type: "string" } } },
] as const;

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { protocolVersion?: string; name?: string; arguments?: Record<string, unknown> };
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

const metadataPath = "/.well-known/oauth-protected-resource/mcp";

export async function startMcpServer(options: McpServerOptions): Promise<McpServer> {
  const scope = options.scope ?? "mcp.read";
  const writeScope = options.writeScope ?? "mcp.write";
  const runs: ToolRun[] = [];
  const knocks: Knock[] = [];
  const waiting: { tool: string; resolve: (run: ToolRun) => void }[] = [];
  const refusals: Challenge[] = [];

  const server = await listen(async (request, response, url) => {
    if (url.pathname === metadataPath) json(response, 200, metadata());
    else if (url.pathname !== "/mcp") json(response, 404, { error: "not_found" });
    else {
      const http = request.method ?? "";
      const text = await bodyOf(request);
      const message: Message = text === "" ? {} : JSON.parse(text);
      const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
      const { status, body, headers } = decide(http, message, token);
      knocks.push({ http, method: message.method, token, status });
      if (body === undefined) response.writeHead(status).end();
      else json(response, status, body, headers);
    }
  });
  const endpoint = `${server.url}/mcp`;
  const resourceMetadataUrl = `${server.url}${metadataPath}`;

  function metadata(): Record<string, unknown> {
    return {
      resource: endpoint,
      authorization_servers: [options.authorization.issuer],
      scopes_supported: [scope, writeScope],
      bearer_methods_supported: ["header"],
    };
  }

  function decide(http: string, message: Message, token?: string): Answer {
    const grant = token === undefined ? undefined : options.authorization.introspect(token);
    if (grant === undefined || grant.resource !== endpoint) return challenge(stranger(token));
    if (http === "DELETE") return { status: 204 };
    if (http !== "POST") return { status: 405, body: { error: "method_not_allowed" }, headers: { allow: "POST" } };
    if (message.id === undefined) return { status: 202 };
    if (message.method === "tools/call") {
      const refusal = refusals.shift() ?? tooNarrow(message, grant);
      if (refusal !== undefined) return challenge(refusal);
    }
    const body = { jsonrpc: "2.0", id: message.id, ...result(message, grant) };
    return message.method === "initialize"
      ? { status: 200, body, headers: { "mcp-session-id": `mcp-${randomUUID()}` } }
      : { status: 200, body };
  }

  function stranger(token?: string): Challenge {
    const parameters = { resource_metadata: resourceMetadataUrl, scope };
    return token === undefined
      ? { status: 401, parameters, body: { error: "token_missing" } }
      : { status: 401, parameters: { ...parameters, error: "invalid_token" }, body: { error: "token_rejected" } };
  }

  function tooNarrow(message: Message, grant: Grant): Challenge | undefined {
    if (message.params?.name !== "write" || grant.scope.includes(writeScope)) return undefined;
    return {
      status: 403,
      parameters: {
        error: "insufficient_scope",
        scope: `${scope} ${writeScope}`,
        resource_metadata: resourceMetadataUrl,
      },
      body: { error: "insufficient_scope" },
    };
  }

  function result(message: Message, grant: Grant): Record<string, unknown> {
    switch (message.method) {
      case "initialize":
        return {
          result: {
            protocolVersion: message.params?.protocolVersion ?? "2025-06-18",
            capabilities: { tools: {} },
            serverInfo: { name: "latchkey-world", version: "1.0.0" },
          },
        };
      case "ping":
        return { result: {} };
      case "tools/list":
        return {
          result: {
            tools: tools.map(({ name, description, properties }) => ({
              name,
              description,
              inputSchema: { type: "object", properties },
            })),
          },
        };
      case "tools/call":
        return { result: { content: [{ type: "text", text: run(message, grant) }] } };
      default:
        return { error: { code: -32601, message: "Method not found" } };
    }
  }

  function run(message: Message, grant: Grant): string {
    const done: ToolRun = {
      tool: message.params?.name ?? "",
      arguments: message.params?.arguments ?? {},
      subject: grant.subject,
      scope: grant.scope,
    };
    runs.push(done);
    for (const waiter of waiting.filter(({ tool }) => tool === done.tool)) {
      waiting.splice(waiting.indexOf(waiter), 1);
      waiter.resolve(done);
    }
    return done.tool === "whoami" ? grant.subject : String(done.arguments.text ?? "");
  }

  return {
    url: server.url,
    endpoint,
    resourceMetadataUrl,
    runs,
    knocks,
    ran(tool) {
      const done = runs.find((each) => each.tool === tool);
      return done ? Promise.resolve(done) : new Promise((resolve) => waiting.push({ tool, resolve }));
    },
    refuseNext(refusal) {
      refusals.push(refusal);
    },
    close: server.close,
    [Symbol.asyncDispose]: server.close,
  };
}

function challenge({ status, parameters, body }: Challenge): Answer {
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return { status, body: body ?? {}, headers: { "www-authenticate": `Bearer ${list.join(", ")}`.trim() } };
}
