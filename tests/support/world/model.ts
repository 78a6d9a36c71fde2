import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { bodyOf, json, type Listening, listen } from "./http.js";

/** What the model says next. A tool is named as its server names it; the prefix of the wire is found in the request. */
export type Reply =
  | { readonly text: string }
  | { readonly tool: string; readonly arguments?: Record<string, unknown> }
  | ((request: ModelRequest) => Reply);

export interface ModelRequest {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly ModelMessage[];
  readonly tools?: readonly { readonly type: string; readonly function: { readonly name: string } }[];
}

export interface ModelMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string } }[];
  readonly tool_call_id?: string;
}

/** An OpenAI-compatible chat completions server that plays a script; past its end it says "done". */
export interface Model extends Listening {
  readonly baseUrl: string;
  readonly requests: readonly ModelRequest[];
  /** Adds replies to the end of the script. */
  say(...replies: Reply[]): void;
  /** Takes the next reply out of the script, for a runtime that is none. */
  next(): Reply | undefined;
  /** The results of tools that the model was last shown, in order. */
  toolResults(): string[];
}

type Said = { readonly text: string } | { readonly tool: string; readonly arguments?: Record<string, unknown> };

export async function startModel(...script: Reply[]): Promise<Model> {
  const requests: ModelRequest[] = [];
  const server = await listen(async (request, response, url) => {
    const text = await bodyOf(request);
    if (url.pathname !== "/v1/chat/completions") {
      json(response, 404, { error: { message: "not found" } });
      return;
    }
    const asked: ModelRequest = JSON.parse(text);
    requests.push(asked);
    const said = settle(script.shift() ?? { text: "done" }, asked);
    const message = messageOf(said, asked);
    if (asked.stream) stream(response, asked.model, message);
    else json(response, 200, whole(asked.model, message));
  });
  return {
    url: server.url,
    baseUrl: `${server.url}/v1`,
    requests,
    say(...replies) {
      script.push(...replies);
    },
    next: () => script.shift(),
    toolResults: () =>
      (requests.at(-1)?.messages ?? []).filter(({ role }) => role === "tool").map(({ content }) => textOf(content)),
    close: server.close,
    [Symbol.asyncDispose]: server.close,
  };
}

function settle(reply: Reply, request: ModelRequest): Said {
  let said = reply;
  while (typeof said === "function") said = said(request);
  return said;
}

interface Message {
  readonly role: "assistant";
  readonly content: string | null;
  readonly tool_calls?: {
    index: number;
    id: string;
    type: "function";
    function: { name: string; arguments: string };
  }[];
}

function messageOf(said: Said, request: ModelRequest): Message {
  if ("text" in said) return { role: "assistant", content: said.text };
  const names = (request.tools ?? []).map((tool) => tool.function.name);
  const name = names.find((each) => each === said.tool) ?? names.find((each) => each.endsWith(`-${said.tool}`));
  if (name === undefined) return { role: "assistant", content: `no tool "${said.tool}" among: ${names.join(", ")}` };
  const call = {
    index: 0,
    id: `call_${randomUUID()}`,
    type: "function" as const,
    function: { name, arguments: JSON.stringify(said.arguments ?? {}) },
  };
  return { role: "assistant", content: null, tool_calls: [call] };
}

const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };

function finish(message: Message): string {
  return message.tool_calls ? "tool_calls" : "stop";
}

function whole(model: string, message: Message): Record<string, unknown> {
  const choice = { index: 0, message, finish_reason: finish(message) };
  return { id: `chat-${randomUUID()}`, object: "chat.completion", created: 0, model, choices: [choice], usage };
}

function stream(response: ServerResponse, model: string, message: Message): void {
  const id = `chat-${randomUUID()}`;
  const send = (part: Record<string, unknown>): void => {
    const chunk = { id, object: "chat.completion.chunk", created: 0, model, ...part };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  send({ choices: [{ index: 0, delta: message, finish_reason: null }] });
  send({ choices: [{ index: 0, delta: {}, finish_reason: finish(message) }] });
  send({ choices: [], usage });
  response.end("data: [DONE]\n\n");
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content) ?? "";
  return content.map((part: unknown) => (isText(part) ? part.text : JSON.stringify(part))).join("");
}

function isText(part: unknown): part is { text: string } {
  return typeof part === "object" && part !== null && "text" in part && typeof part.text === "string";
}
