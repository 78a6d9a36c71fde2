import { randomUUID } from "node:crypto";
import { type PendingRequest, pendingRequest } from "latchkey/pending";

export interface From {
  readonly sessionId?: string;
  readonly principal?: string | undefined;
}

/** A request of any kind, as a runtime would have made it. */
export function asked(type: string, data: object, from: From = {}): PendingRequest {
  const { sessionId = randomUUID() } = from;
  const principal = "principal" in from ? from.principal : "ada";
  return pendingRequest({ type, data: { requestId: randomUUID(), ...data } }, { sessionId, principal });
}

export const elicitationSchema = {
  type: "object",
  properties: {
    name: { type: "string", title: "Name of the branch", minLength: 3, maxLength: 40, default: "release" },
    mail: { type: "string", format: "email", title: "Your address", description: "Where the report goes." },
    when: { type: "string", format: "date", title: "Not before" },
    reviewers: { type: "integer", title: "Reviewers", minimum: 1, maximum: 5, default: 2 },
    squash: { type: "boolean", title: "Squash the commits", default: true },
    target: { type: "string", title: "Target", enum: ["main", "next"], enumNames: ["Main line", "Next version"] },
    labels: { type: "array", title: "Labels", items: { type: "string", enum: ["bug", "docs", "speed"] } },
  },
  required: ["name", "target"],
} as const;

/** One of each kind, as they are seen from real servers and models. */
export const samples: Readonly<Record<string, object>> = {
  "mcp.oauth_required": {
    ...{ serverName: "files", serverUrl: "https://files.example.com/mcp", reason: "initial" },
    wwwAuthenticateParams: { scope: "files:read files:write" },
  },
  "mcp.headers_refresh_required": {
    ...{ serverName: "metrics", serverUrl: "https://metrics.example.com/mcp", reason: "ttl-expired" },
  },
  "permission.requested": {
    permissionRequest: {
      ...{ kind: "shell", toolCallId: "call-1", fullCommandText: "npm publish --tag next" },
      intention: "Publish the package for testers",
      ...{ commands: [{ identifier: "npm", readOnly: false }], possiblePaths: [], possibleUrls: [] },
    },
    permissionMode: "manual",
  },
  "external_tool.requested": {
    ...{ sessionId: "s", toolCallId: "call-2", toolName: "create_ticket" },
    arguments: { title: "Sign-in fails on Safari", priority: 2, labels: ["bug", "auth"] },
  },
  "elicitation.requested": {
    ...{ message: "How shall the release be made?", elicitationSource: "git", requestedSchema: elicitationSchema },
  },
  "user_input.requested": {
    ...{ question: "Which database do the tests run against?", choices: ["SQLite", "PostgreSQL"], allowFreeform: true },
  },
  "exit_plan_mode.requested": {
    ...{ summary: "Move the session store to PostgreSQL", actions: ["exit_only", "interactive", "autopilot"] },
    planContent:
      "# Plan\n\n1. Add the table.\n2. Write to both stores.\n3. Read from the new one.\n4. Remove the old one.\n",
    recommendedAction: "interactive",
  },
  "sampling.requested": { serverName: "translator", mcpRequestId: 7 },
  "auto_mode_switch.requested": { errorCode: "rate_limited", retryAfterSeconds: 540 },
  "session_limits_exhausted.requested": { usedAiCredits: 50, maxAiCredits: 50 },
  "command.execute": { command: "/deploy production", commandName: "deploy", args: "production" },
  "command.queued": { command: "/compact" },
};
