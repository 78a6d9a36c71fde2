/**
 * Calls that the runtime answers and its schemas lack, typed by hand from what it does on the wire.
 * Where the schemas know a field under another method, its type comes from there.
 */
import type {
  McpServerConfigHttp,
  McpServerConfigStdio,
  SessionOpenOptions,
  ProtocolExternalToolDefinition as ToolDefinition,
} from "./generated.js";

type SharedOptions = Pick<
  SessionOpenOptions,
  | "model"
  | "reasoningEffort"
  | "reasoningSummary"
  | "clientName"
  | "authClientIdMetadataUrl"
  | "expAssignments"
  | "enableManagedSettings"
  | "managedSettings"
  | "enableFileChangeTracking"
  | "featureFlags"
  | "isExperimentalMode"
  | "provider"
  | "capi"
  | "providers"
  | "models"
  | "workingDirectory"
  | "additionalDirectories"
  | "availableTools"
  | "excludedTools"
  | "excludedBuiltinAgents"
  | "envValueMode"
  | "disabledMcpServers"
  | "skillDirectories"
  | "enableSkills"
  | "disabledSkills"
  | "customAgentsLocalOnly"
  | "enableCitations"
  | "enableOnDemandInstructionDiscovery"
  | "sessionLimits"
  | "configDir"
  | "memory"
>;

/** An MCP server as `session.create` takes it: the schemas' own config with the flat OAuth client fields of the wire. */
export type McpServerParams = McpServerConfigStdio | McpServerConfigHttp;

/** A tool of the client's own; `parameters` is a JSON schema. */
export type ExternalTool = Omit<ToolDefinition, "parameters"> & { parameters?: Record<string, unknown> };

/** What `session.create` and `session.resume` share. A flag that is left out is off. */
export interface SessionParams extends SharedOptions {
  mcpServers?: Record<string, McpServerParams>;
  /** Tools that this client carries out: each call arrives as `external_tool.requested`. */
  tools?: ExternalTool[];
  /** Slash commands that this client carries out: each use arrives as `command.execute`. */
  commands?: { name: string; description?: string }[];
  systemMessage?: { mode?: "append" | "replace" | "customize"; content?: string; sections?: Record<string, unknown> };
  customAgents?: Record<string, unknown>[];
  streaming?: boolean;
  /** Ask by `permission.requested`. Without it every gated tool is denied. */
  requestPermission?: boolean;
  /** Ask by `userInput.request` as well, which fails the question when this client drops. Interest does without. */
  requestUserInput?: boolean;
  /** Ask by `elicitation.requested` for MCP servers too. */
  requestElicitation?: boolean;
  /** Ask by `exitPlanMode.request` as well, which rejects the plan when this client drops. Interest does without. */
  requestExitPlanMode?: boolean;
  requestAutoModeSwitch?: boolean;
  requestMcpApps?: boolean;
  requestCanvasRenderer?: boolean;
  /** Call this client with `hooks.invoke`. */
  hooks?: boolean;
  enableConfigDiscovery?: boolean;
  enableSessionTelemetry?: boolean;
  mcpOAuthTokenStorage?: string;
  infiniteSessions?: Record<string, unknown>;
  skipEmbeddingRetrieval?: boolean;
  gitHubToken?: string;
}

export interface SessionCreateParams extends SessionParams {
  /** A UUID; the runtime makes one up when it is left out. */
  sessionId?: string;
}

export interface SessionResumeParams extends SessionParams {
  sessionId: string;
  /** Attach without the persisted `session.resume` event. */
  disableResume?: boolean;
  /** After a cold load: keep pending permissions and external tools, and go on with what was interrupted. */
  continuePendingWork?: boolean;
}

export interface SessionOpened {
  sessionId: string;
  nativeSessionId?: string;
  /** ISO 8601. */
  startTime?: string;
  isRemote?: boolean;
  mode?: string;
  workspacePath?: string;
  capabilities?: { ui?: { elicitation?: boolean; mcpApps?: boolean; canvases?: boolean }; extensions?: boolean };
  modelState?: Record<string, unknown>;
}

export interface SessionMetadata {
  sessionId: string;
  /** ISO 8601. */
  startTime: string;
  /** ISO 8601. */
  modifiedTime: string;
  summary?: string;
  isRemote?: boolean;
  context?: { cwd: string; gitRoot?: string; repository?: string; branch?: string };
}

/** The body of `connect`, with the connection token that the schemas leave out. */
export interface ConnectParams {
  token?: string;
  clientInfo?: ClientInfo;
  enableGitHubTelemetryForwarding?: boolean;
}

/** Who connects, for the runtime's own attribution. */
export interface ClientInfo {
  editorName?: string;
  editorVersion?: string;
  extensionName?: string;
  extensionVersion?: string;
}

interface OneSession {
  sessionId: string;
}

export interface SessionCalls {
  /** The handshake. `rpc.connect` makes it; it is listed for hosts that speak the protocol bare. */
  connect: {
    params: ConnectParams;
    result: { ok: boolean; protocolVersion: number; version: string; taskKinds?: string[] };
  };
  "session.create": { params: SessionCreateParams; result: SessionOpened };
  /** Loads a session from disk, or attaches to a loaded one. It needs the session for itself: see docs/pending.md. */
  "session.resume": { params: SessionResumeParams; result: SessionOpened };
  /** Detaches this connection; the last one unloads the session. */
  "session.destroy": { params: OneSession; result: { success: boolean; error?: string } };
  "session.detach": { params: OneSession; result: { success?: boolean } };
  "session.delete": { params: OneSession; result: { success: boolean; error?: string } };
  "session.list": { params: { filter?: Record<string, unknown> }; result: { sessions: SessionMetadata[] } };
  "session.getMetadata": { params: OneSession; result: { session?: SessionMetadata } };
  "session.getMessages": { params: OneSession; result: { events: unknown[] } };
  "session.getLastId": { params: Record<never, never>; result: { sessionId?: string } };
  "session.getForeground": { params: Record<never, never>; result: { sessionId?: string; workspacePath?: string } };
  "session.setForeground": { params: OneSession; result: { success: boolean; error?: string } };
  "status.get": { params: Record<never, never>; result: { version: string; protocolVersion: number } };
  "auth.getStatus": {
    params: Record<never, never>;
    result: { isAuthenticated: boolean; authType?: string; host?: string; login?: string; statusMessage?: string };
  };
}

/** Requests of the runtime to the client that set the matching flag. The schemas lack them. */
export interface UserCalls {
  "userInput.request": {
    params: { sessionId: string; question: string; choices?: string[]; allowFreeform?: boolean };
    result: { answer: string; wasFreeform: boolean };
  };
  "exitPlanMode.request": {
    params: {
      sessionId: string;
      summary: string;
      planContent?: string;
      actions: string[];
      recommendedAction: string;
    };
    result: { approved: boolean; selectedAction?: string; autoApproveEdits?: boolean; feedback?: string };
  };
  "autoModeSwitch.request": {
    params: { sessionId: string; errorCode?: string; retryAfterSeconds?: number };
    result: { response: "yes" | "yes_always" | "no" };
  };
  "systemMessage.transform": {
    params: { sessionId: string; sections: Record<string, unknown> };
    result: { sections: Record<string, unknown> };
  };
}
