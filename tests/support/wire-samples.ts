/** For each kind, the data of a request as a runtime sends it, with secrets where it has any, and answers of every form. */
import type { KindName } from "latchkey/pending";

const requestId = "r-1";
const server = { serverName: "notes", serverUrl: "https://ada:hunter2@notes.example/mcp?key=hunter2" };

export const asked: Record<KindName, Readonly<Record<string, unknown>>> = {
  "mcp.oauth_required": {
    ...{ requestId, ...server, reason: "initial", aFieldOfTomorrow: "hunter2" },
    staticClientConfig: { clientId: "c", publicClient: false, clientSecret: "hunter2", scope: "a" },
    wwwAuthenticateParams: {
      resourceMetadataUrl: "https://notes.example/.well-known/x",
      scope: "a b",
      error: "invalid",
    },
    resourceMetadata:
      '{"resource":"https://notes.example/mcp","authorization_servers":["https://as.example?k=hunter2"]}',
    httpResponse: { statusCode: 401, headers: [{ name: "x", value: "y" }], body: "no" },
  },
  "mcp.headers_refresh_required": { requestId, ...server, reason: "startup" },
  "permission.requested": {
    requestId,
    permissionMode: "assisted",
    permissionRequest: { kind: "shell", toolCallId: "t", fullCommandText: "curl -H 'Authorization: Bearer hunter2'" },
    promptRequest: { assistedApproval: { recommendation: "deny", reason: "no", evaluation: { reasonCode: "x" } } },
  },
  "external_tool.requested": { requestId, toolCallId: "t", toolName: "look", arguments: { password: "hunter2" } },
  "elicitation.requested": {
    requestId,
    message: "Which?",
    elicitationSource: "notes",
    requestedSchema: { type: "object" },
  },
  "user_input.requested": { requestId, question: "Tea?", choices: ["yes", "no"], allowFreeform: true },
  "exit_plan_mode.requested": { requestId, summary: "Plan", actions: ["interactive"] },
  "sampling.requested": { requestId, serverName: "notes", mcpRequestId: 1 },
  "auto_mode_switch.requested": { requestId, errorCode: "limit" },
  "session_limits_exhausted.requested": { requestId, usedAiCredits: 12, maxAiCredits: 10 },
  "command.execute": { requestId, command: "/x y", commandName: "x", args: "y" },
  "command.queued": { requestId, command: "/x" },
};

export const answers: Record<KindName, readonly [unknown, ...unknown[]]> = {
  "mcp.oauth_required": [
    { kind: "token", accessToken: "T", tokenType: "Bearer", expiresIn: 60 },
    { kind: "token", accessToken: "T", tokenType: null, expiresIn: "60.5" },
    { kind: "token", accessToken: "T", expiresIn: null },
    { kind: "cancelled" },
  ],
  "mcp.headers_refresh_required": [
    { kind: "headers", headers: { "X-Key": " a" }, ttlMs: 5 },
    { kind: "none" },
    { kind: "error", message: "no" },
  ],
  "permission.requested": [
    { kind: "approve-once", approvedInteractively: true },
    { kind: "approve-for-session", approval: { kind: "read" } },
    { kind: "approve-read-only-for-session", directories: ["/a"] },
    { kind: "approve-for-location", approval: { kind: "write" }, locationKey: "/a" },
    { kind: "approve-permanently", domain: "a.example" },
    { kind: "reject", feedback: "no" },
    { kind: "user-not-available" },
    { kind: "denied-by-rules", rules: [{ kind: "shell" }] },
  ],
  "external_tool.requested": [
    { result: "done" },
    { result: { textResultForLlm: "done", more: 1 } },
    { error: "broken" },
  ],
  "elicitation.requested": [{ action: "accept", content: { a: "b", c: 1, d: true, e: ["f"] } }, { action: "decline" }],
  "user_input.requested": [{ answer: "yes", wasFreeform: false }],
  "exit_plan_mode.requested": [
    { approved: true, selectedAction: "autopilot", autoApproveEdits: true, deferImplementation: false },
    { approved: false, feedback: "no" },
  ],
  "sampling.requested": [{ response: { role: "assistant", content: { type: "text" }, model: "m" } }, {}],
  "auto_mode_switch.requested": ["yes", "no"],
  "session_limits_exhausted.requested": [{ action: "add", additionalAiCredits: 5 }, { action: "cancel" }],
  "command.execute": [{}, { error: "no" }],
  "command.queued": [{ handled: true, stopProcessingQueue: true }, { handled: false }],
};
