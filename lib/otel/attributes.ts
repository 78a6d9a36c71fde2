/**
 * The attributes of spans and metrics, by OpenTelemetry's semantic conventions for messaging, RPC, MCP and GenAI; what these have no name for is
 * `latchkey.*`. The ledger is the messaging system, a kind of request is the destination, an entry is the message.
 */
import { type Attributes, SpanKind } from "@opentelemetry/api";
import type { TracedRequest, TraceMessage, TraceName } from "../tracing/index.js";

/** What the operations on entries are called, and what kind of operation they are. */
export const operations = {
  record: { type: "send", kind: SpanKind.PRODUCER },
  claim: { type: "receive", kind: SpanKind.CLIENT },
  answer: { type: "settle", kind: SpanKind.CLIENT },
  deliver: { type: "process", kind: SpanKind.CONSUMER },
} as const;

/** An operation on an entry. */
export type Operation = keyof typeof operations;

export const isOperation = (name: TraceName): name is Operation => Object.hasOwn(operations, name);

/** The MCP request behind a question of an MCP server. */
const mcpMethods: Readonly<Record<string, string>> = {
  "sampling.requested": "sampling/createMessage",
  "elicitation.requested": "elicitation/create",
};

/** What groups an operation: few values, for metrics too. */
export const operationAttributes = (name: Operation, kind: string | undefined): Attributes => ({
  "messaging.system.name": "latchkey",
  "messaging.operation.name": name,
  "messaging.operation.type": operations[name].type,
  ...(kind !== undefined && { "messaging.destination.name": kind }),
});

/** Which request or entry. */
export function requestAttributes({
  kind,
  sessionId,
  requestId,
  ...more
}: TracedRequest & { id?: string }): Attributes {
  const { id, serverName, toolName, toolCallId } = more;
  const method = serverName === undefined ? undefined : mcpMethods[kind];
  return {
    ...(id !== undefined && { "messaging.message.id": id }),
    "messaging.message.conversation_id": sessionId,
    "gen_ai.conversation.id": sessionId,
    "latchkey.request.id": requestId,
    ...(toolName !== undefined && { "gen_ai.tool.name": toolName }),
    ...(toolCallId !== undefined && { "gen_ai.tool.call.id": toolCallId }),
    ...(method !== undefined && { "mcp.method.name": method }),
    ...(serverName !== undefined && { "latchkey.mcp.server": serverName }),
  };
}

/** A call of the runtime. */
export function callAttributes({ endpoint, method, sessionId, requestId }: TraceMessage<"request">): Attributes {
  const { hostname, port } = URL.canParse(endpoint) ? new URL(endpoint) : new URL("none:");
  return {
    "rpc.system.name": "jsonrpc",
    "rpc.method": method,
    "jsonrpc.protocol.version": "2.0",
    "network.transport": port === "" ? "pipe" : "tcp",
    ...(hostname !== "" && { "server.address": hostname.replace(/^\[|\]$/g, "") }),
    ...(port !== "" && { "server.port": Number(port) }),
    ...(sessionId !== undefined && { "gen_ai.conversation.id": sessionId }),
    ...(requestId !== undefined && { "latchkey.request.id": requestId }),
  };
}

/** A step of a sign-in. */
export const oauthAttributes = ({ step, issuer, resource }: TraceMessage<"oauth">): Attributes => ({
  "latchkey.oauth.step": step,
  ...(issuer !== undefined && { "latchkey.oauth.issuer": issuer }),
  ...(resource !== undefined && { "latchkey.oauth.resource": resource }),
});

/** What a failure is called: the code of a latchkey error, else its name. */
export const errorType = ({ error }: TraceMessage<TraceName>): string | undefined =>
  error && (error.code ?? error.name);
