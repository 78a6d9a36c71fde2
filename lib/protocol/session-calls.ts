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
  /** MCP servers by name. They start with the session. */
  mcpServers?: Record<string, McpServerParams>;
  /** Tools that this client carries out: each call arrives as `external_tool.requested`. */
  tools?: ExternalTool[];
  /** Slash commands that this client carries out: each use arrives as `command.execute`. */
  commands?: { name: string; description?: string }[];
  /** What is put in the place of, or behind, the runtime's own system message. */
  systemMessage?: { mode?: "append" | "replace" | "customize"; content?: string; sections?: Record<string, unknown> };
  /** Agents of the client's own, beside those of the runtime. */
  customAgents?: Record<string, unknown>[];
  /** Send the model's words as they come, as `assistant.message_delta`. */
  streaming?: boolean;
  /** Ask by `permission.requested`. Without it every gated tool is denied. */
  requestPermission?: boolean;
  /** Ask by `userInput.request` as well, which fails the question when this client drops. Interest does without. */
  requestUserInput?: boolean;
  /** Ask by `elicitation.requested` for MCP servers too. */
  requestElicitation?: boolean;
  /** Ask by `exitPlanMode.request` as well, which rejects the plan when this client drops. Interest does without. */
  requestExitPlanMode?: boolean;
  /** Ask by `auto_mode_switch.requested` when the model's limit is reached. */
  requestAutoModeSwitch?: boolean;
  /** Offer MCP servers a client that shows MCP apps. */
  requestMcpApps?: boolean;
  /** Offer the model the tools that draw canvases, for this client to show. */
  requestCanvasRenderer?: boolean;
  /** Call this client with `hooks.invoke`. */
  hooks?: boolean;
  /** Look for MCP servers and settings in the working directory. */
  enableConfigDiscovery?: boolean;
  /** Send telemetry of this session. */
  enableSessionTelemetry?: boolean;
  /** Where the runtime keeps the tokens of its own MCP sign-ins: `persistent` or `in-memory`, which is the default. */
  mcpOAuthTokenStorage?: string;
  /** When the runtime compacts a long conversation; `{ enabled: false }` for never. */
  infiniteSessions?: Record<string, unknown>;
  /** Retrieve nothing by embeddings, whose cache sessions share. */
  skipEmbeddingRetrieval?: boolean;
  /** A GitHub token for this session alone. A secret. */
  gitHubToken?: string;
}

/** Params of `session.create`. */
export interface SessionCreateParams extends SessionParams {
  /** A UUID; the runtime makes one up when it is left out. */
  sessionId?: string;
}

/** Params of `session.resume`. */
export interface SessionResumeParams extends SessionParams {
  /** The session to load or to attach to. */
  sessionId: string;
  /** Attach without the persisted `session.resume` event. */
  disableResume?: boolean;
  /** After a cold load: keep pending permissions and external tools, and go on with what was interrupted. */
  continuePendingWork?: boolean;
}

/** What `session.create` and `session.resume` are answered with. */
export interface SessionOpened {
  /** The session's id. */
  sessionId: string;
  /** The runtime's inner id, where it has another one. */
  nativeSessionId?: string;
  /** ISO 8601. */
  startTime?: string;
  /** Whether the session runs on another machine. */
  isRemote?: boolean;
  /** The agent's mode, such as `interactive` or `plan`. */
  mode?: string;
  /** The folder of the session's own files. */
  workspacePath?: string;
  /** What the attached clients can show. */
  capabilities?: { ui?: { elicitation?: boolean; mcpApps?: boolean; canvases?: boolean }; extensions?: boolean };
  /** The session's model, as the runtime describes it. */
  modelState?: Record<string, unknown>;
}

/** A session as the runtime lists it. */
export interface SessionMetadata {
  /** The session's id. */
  sessionId: string;
  /** ISO 8601. */
  startTime: string;
  /** ISO 8601. */
  modifiedTime: string;
  /** What it is about, in the runtime's words. */
  summary?: string;
  /** Whether it runs on another machine. */
  isRemote?: boolean;
  /** Where it was started: folder, git root, repository and branch. */
  context?: { cwd: string; gitRoot?: string; repository?: string; branch?: string };
}

/** The body of `connect`, with the connection token that the schemas leave out. */
export interface ConnectParams {
  /** The connection token (`COPILOT_CONNECTION_TOKEN` of the runtime's environment). A secret. */
  token?: string;
  /** Who connects. */
  clientInfo?: ClientInfo;
  /** Have the runtime hand its telemetry to this client. */
  enableGitHubTelemetryForwarding?: boolean;
}

/** Who connects, for the runtime's own attribution. */
export interface ClientInfo {
  /** The program, such as `my-editor`. */
  editorName?: string;
  /** Its version. */
  editorVersion?: string;
  /** The part of it that speaks to the runtime. */
  extensionName?: string;
  /** That part's version. */
  extensionVersion?: string;
}

interface OneSession {
  sessionId: string;
}

/** Methods that the schemas lack. */
export interface SessionCalls {
  /** The handshake. `rpc.connect` makes it; it is listed for hosts that speak the protocol bare. */
  connect: {
    params: ConnectParams;
    result: { ok: boolean; protocolVersion: number; version: string; taskKinds?: string[] };
  };
  /** Makes a session and attaches this connection to it. */
  "session.create": { params: SessionCreateParams; result: SessionOpened };
  /** Loads a session from disk, or attaches to a loaded one. It needs the session for itself: see docs/pending.md. */
  "session.resume": { params: SessionResumeParams; result: SessionOpened };
  /** Detaches this connection; the last one unloads the session. */
  "session.destroy": { params: OneSession; result: { success: boolean; error?: string } };
  /** Detaches this connection. */
  "session.detach": { params: OneSession; result: { success?: boolean } };
  /** Removes a session from disk. */
  "session.delete": { params: OneSession; result: { success: boolean; error?: string } };
  /** The sessions on disk. */
  "session.list": { params: { filter?: Record<string, unknown> }; result: { sessions: SessionMetadata[] } };
  /** One session as `session.list` lists it; nothing when there is none. */
  "session.getMetadata": { params: OneSession; result: { session?: SessionMetadata } };
  /** The persisted events of a session. */
  "session.getMessages": { params: OneSession; result: { events: unknown[] } };
  /** The session that was used last. */
  "session.getLastId": { params: Record<never, never>; result: { sessionId?: string } };
  /** The session that a person sees in the runtime's own terminal. */
  "session.getForeground": { params: Record<never, never>; result: { sessionId?: string; workspacePath?: string } };
  /** Shows a session in the runtime's own terminal. */
  "session.setForeground": { params: OneSession; result: { success: boolean; error?: string } };
  /** The runtime's version and its protocol's. */
  "status.get": { params: Record<never, never>; result: { version: string; protocolVersion: number } };
  /** Whether, and as whom, the runtime is signed in to GitHub. */
  "auth.getStatus": {
    params: Record<never, never>;
    result: { isAuthenticated: boolean; authType?: string; host?: string; login?: string; statusMessage?: string };
  };
}

/** Requests of the runtime to the client that set the matching flag. The schemas lack them. */
export interface UserCalls {
  /** A question to the person, for a client that set `requestUserInput`. */
  "userInput.request": {
    params: { sessionId: string; question: string; choices?: string[]; allowFreeform?: boolean };
    result: { answer: string; wasFreeform: boolean };
  };
  /** A plan to approve, for a client that set `requestExitPlanMode`. */
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
  /** Whether to go on with another model, for a client that set `requestAutoModeSwitch`. */
  "autoModeSwitch.request": {
    params: { sessionId: string; errorCode?: string; retryAfterSeconds?: number };
    result: { response: "yes" | "yes_always" | "no" };
  };
  /**
   * Sections of the system message before they are sent, for a client that sent a `systemMessage` of mode `customize` with sections to change.
   */
  "systemMessage.transform": {
    params: { sessionId: string; sections: Record<string, unknown> };
    result: { sections: Record<string, unknown> };
  };
}
