import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { bodyOf, json, type Listening, listen } from "./http.js";

/** An open MCP server whose tools ask back: `ask` by elicitation, `think` by sampling; `echo` does not. */
export interface AskingServer extends Listening {
  readonly endpoint: string;
  /** Names of the tools that were called, in order. */
  readonly runs: readonly string[];
  /** What the client made of each question, in order: its `result`, or its `error`. */
  readonly replies: readonly Record<string, unknown>[];
  /** The headers of every request of the client. */
  readonly seen: readonly Readonly<Record<string, string | string[] | undefined>>[];
}

export interface AskingServerOptions {
  /** Requests without this header and value are refused with 401. */
  readonly pass?: { readonly header: string; readonly value: string };
}

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { protocolVersion?: string; name?: string; arguments?: Record<string, unknown> };
  readonly result?: Record<string, unknown>;
  readonly error?: Record<string, unknown>;
}

const questions: Record<string, { method: string; params: Record<string, unknown> }> = {
  ask: {
    method: "elicitation/create",
    params: {
      message: "Which colour?",
      requestedSchema: { type: "object", properties: { colour: { type: "string" } }, required: ["colour"] },
    },
  },
  think: {
    method: "sampling/createMessage",
    params: { messages: [{ role: "user", content: { type: "text", text: "Think of a number." } }], maxTokens: 10 },
  },
};

export async function startAskingServer({ pass }: AskingServerOptions = {}): Promise<AskingServer> {
  const runs: string[] = [];
  const replies: Record<string, unknown>[] = [];
  const seen: Record<string, string | string[] | undefined>[] = [];
  const waiting = new Map<string | number, (message: Message) => void>();

  const server = await listen(async (request, response) => {
    const text = await bodyOf(request);
    seen.push(request.headers);
    if (pass && request.headers[pass.header] !== pass.value) return json(response, 401, { error: "no pass" });
    if (request.method !== "POST") return json(response, 405, {}, { allow: "POST" });
    const message: Message = JSON.parse(text);
    const { id, method } = message;
    if (id !== undefined && method === undefined) {
      waiting.get(id)?.(message);
      waiting.delete(id);
    }
    if (id === undefined || method === undefined) return void response.writeHead(202).end();
    if (method === "tools/call") return call(response, id, message);
    const headers = method === "initialize" ? { "mcp-session-id": randomUUID() } : {};
    json(response, 200, { jsonrpc: "2.0", id, ...plain(message) }, headers);
  });

  async function call(response: ServerResponse, id: string | number, { params }: Message): Promise<void> {
    const tool = params?.name ?? "";
    runs.push(tool);
    const question = questions[tool];
    const send = (body: Record<string, unknown>): void => {
      response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...body })}\n\n`);
    };
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    let said = String(params?.arguments?.text ?? "");
    if (question) {
      const asked = `${tool}-${randomUUID()}`;
      const reply = new Promise<Message>((resolve) => waiting.set(asked, resolve));
      send({ id: asked, ...question });
      const { result, error } = await reply;
      replies.push(result ?? { error });
      said = JSON.stringify(result ?? { error });
    }
    send({ id, result: { content: [{ type: "text", text: said }] } });
    response.end();
  }

  return {
    url: server.url,
    endpoint: `${server.url}/mcp`,
    runs,
    replies,
    seen,
    close: server.close,
    [Symbol.asyncDispose]: server.close,
  };
}

function plain({ method, params }: Message): Record<string, unknown> {
  switch (method) {
    case "initialize":
      return {
        result: {
          protocolVersion: params?.protocolVersion ?? "2025-06-18",
          capabilities: { tools: {} },
          serverInfo: { name: "asking", version: "1.0.0" },
        },
      };
    case "ping":
      return { result: {} };
    case "tools/list":
      return {
        result: {
          tools: [...Object.keys(questions), "echo"].map((name) => ({
            name,
            description: `The tool ${name}.`,
            inputSchema: { type: "object", properties: { text: { type: "string" } } },
          })),
        },
      };
    default:
      return { error: { code: -32601, message: "Method not found" } };
  }
}
