/** What is known of a request, for a person to decide by. All of it is strangers' words. */

import { isRecord } from "../base/record.js";
import { visibleJson } from "../base/visible.js";
import type { Entry } from "../ledger/index.js";
import { rowOf } from "../pending/index.js";

export interface Fact {
  readonly label: string;
  readonly text: string;
  /** How to show it: on one line, line by line as it is written, or as JSON that is made visible already. */
  readonly as: "line" | "lines" | "json";
}

const labels: Readonly<Record<string, string>> = {
  serverName: "Server",
  serverUrl: "Address",
  elicitationSource: "Asked by",
  toolName: "Tool",
  toolTitle: "Tool title",
  toolDescription: "What the tool is for",
  arguments: "Arguments",
  args: "Arguments",
  toolArgs: "Arguments",
  fullCommandText: "Command",
  commandName: "Command",
  command: "Command line",
  fileName: "File",
  path: "File",
  resolvedPath: "Resolved to",
  resolvedWorkingDirectory: "In the folder",
  workingDirectory: "In the folder",
  possiblePaths: "Paths",
  possibleUrls: "Addresses",
  diff: "Change",
  newFileContents: "New contents",
  url: "Address",
  question: "Question",
  message: "Message",
  summary: "Summary",
  planContent: "Plan",
  permissionMode: "Mode",
  readOnly: "Only reads",
  warning: "Warning",
  usedAiCredits: "Credits used",
  maxAiCredits: "Limit",
  errorCode: "Error",
  retryAfterSeconds: "Free again in (seconds)",
};
const reasons: Readonly<Record<string, string>> = {
  initial: "the first sign-in",
  refresh: "its token has ended",
  reauth: "its token was refused",
  upscope: "it needs more than it was allowed so far",
  startup: "the server starts",
  "ttl-expired": "its headers have ended",
  "auth-failed": "its headers were refused",
};
/** What is read as it is written. */
const written = new Set(["Command", "Command line", "Change", "New contents", "Plan", "Arguments"]);
/** Ids, what stands in the form or in the heading anyway, and what the model says of itself. */
const left = new Set(
  ["requestId", "toolCallId", "sessionId", "requestedSchema", "choices", "allowFreeform", "actions"].concat(
    ["recommendedAction", "intention", "kind", "resourceMetadata", "runtimeRefreshSupported", "promptRequest"],
    ["hasWriteFileRedirection", "canOfferSessionApproval", "commands", "commandSegments", "mcpRequestId", "providerId"],
    ["traceparent", "tracestate", "managedApprovalRequired", "mode"],
  ),
);

/** The facts of a request, the telling ones first. */
export function factsOf({ kind, data }: Pick<Entry, "kind" | "data">): Fact[] {
  const fields: Record<string, unknown> = { ...data };
  if (kind === "mcp.oauth_required") return signInFacts(fields);
  const asked = isRecord(fields.permissionRequest) ? fields.permissionRequest : {};
  const { permissionRequest: _, ...others } = fields;
  return [...Object.entries(asked), ...Object.entries(others)].flatMap(([name, value]) =>
    left.has(name) ? [] : factOf(labels[name] ?? name, name === "reason" ? told(value) : value),
  );
}

/** The server's host is what a person trusts or does not, so it stands by itself; a name is anybody's. */
function signInFacts(data: Record<string, unknown>): Fact[] {
  const challenge = isRecord(data.wwwAuthenticateParams) ? data.wwwAuthenticateParams : {};
  const configured = isRecord(data.staticClientConfig) ? data.staticClientConfig : {};
  return [
    ...factOf("Server", data.serverName),
    ...factOf("Host", hostOf(data.serverUrl)),
    ...factOf("Address", data.serverUrl),
    ...factOf("Scopes", challenge.scope ?? configured.scope ?? "as the server says"),
    ...factOf("Because", told(data.reason)),
    ...factOf("Error", challenge.error),
    ...factOf("Client", configured.clientId),
  ];
}

/** As a browser would show it: other alphabets as `xn--…`. */
export function hostOf(url: unknown): string | undefined {
  return typeof url === "string" && URL.canParse(url) ? new URL(url).host : undefined;
}

const told = (reason: unknown): unknown =>
  typeof reason === "string" && Object.hasOwn(reasons, reason) ? reasons[reason] : reason;

function factOf(label: string, value: unknown): Fact[] {
  if (value === undefined || value === null || value === "") return [];
  if (Array.isArray(value) && value.length === 0) return [];
  if (typeof value === "boolean") return [{ label, text: value ? "yes" : "no", as: "line" }];
  if (typeof value === "object") return [{ label, text: visibleJson(value, 2), as: "json" }];
  const text = String(value);
  const whole = written.has(label) || text.includes("\n") || text.length > 120;
  return [{ label, text, as: whole ? "lines" : "line" }];
}

/** What the model says about what it wants to do, which need not be true. */
export function modelSays({ kind, data }: Pick<Entry, "kind" | "data">): string | undefined {
  const words = rowOf(kind).modelSays?.({ ...data });
  return typeof words === "string" && words !== "" ? words : undefined;
}
