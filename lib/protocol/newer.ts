/**
 * Calls and events of runtimes newer than the one that the generated types come from, typed by hand from the schemas of 1.0.102.
 * An older runtime answers such a call with `METHOD_NOT_FOUND` and never says such an event; `rpc.capabilities()` tells beforehand.
 */
import type {
  ExitPlanModeAction,
  McpOauthHandlePendingRequest,
  McpOauthHandlePendingResult,
  McpOauthLoginRequest,
  McpOauthLoginResult,
  McpOauthPendingRequestResponse,
  McpOauthRequiredData,
  McpOauthRequiredEvent,
  PermissionDecision,
  PermissionDecisionRequest,
  PermissionRequestedData,
  PermissionRequestedEvent,
  PermissionRequestResult,
} from "./generated.js";

type Envelope<Type extends string, Data> = Omit<McpOauthRequiredEvent, "type" | "data" | "ephemeral"> & {
  ephemeral?: boolean;
  type: Type;
  data: Data;
};

/** Who gave an answer, as the runtime knows it. A host on a connection is `host_automation` to it, or `unknown`, never `human_response`. */
export type HumanResponseActor = "human_response" | "host_automation" | "unknown";

/** Events that the generated types lack. */
export interface NewerEvents {
  /** How a recovery ended that was left to the runtime by `{ kind: "runtimeRefresh" }`, the server's reconnect included. */
  "mcp.oauth_recovery_completed": Envelope<
    "mcp.oauth_recovery_completed",
    { requestId: string; serverName: string; outcome: "succeeded" | "cancelled" | "failed" }
  >;
  /** A question or a plan was answered: by whom, and what, as it was shown and said. */
  "human_response.recorded": Envelope<
    "human_response.recorded",
    {
      requestId: string;
      toolCallId?: string;
      actor: HumanResponseActor;
      response:
        | {
            responseKind: "ask_user";
            content: Record<string, unknown>;
            message: string;
            requestedSchema: Record<string, unknown>;
          }
        | {
            responseKind: "user_input";
            question: string;
            choices?: string[];
            allowFreeform?: boolean;
            answer: string;
            wasFreeform: boolean;
          }
        | {
            responseKind: "exit_plan_mode";
            summary: string;
            planContent: string;
            actions: ExitPlanModeAction[];
            recommendedAction: ExitPlanModeAction;
            approved: boolean;
            selectedAction?: ExitPlanModeAction;
            autoApproveEdits?: boolean;
            feedback?: string;
          };
    }
  >;
  /** A server needs a token: as the generated types have it, and what 1.0.102 adds. */
  "mcp.oauth_required": Omit<McpOauthRequiredEvent, "data"> & {
    data: Omit<McpOauthRequiredData, "staticClientConfig"> & {
      /** Whether the runtime can try a refresh of its own: the answer `{ kind: "runtimeRefresh" }`. */
      runtimeRefreshSupported?: boolean;
      staticClientConfig?: Omit<NonNullable<McpOauthRequiredData["staticClientConfig"]>, "grantType"> & {
        /** The schemas say `client_credentials` only; a configured `authorization_code` comes as such. */
        grantType?: string;
        /** The configured scope, for a challenge that names none. */
        scope?: string;
      };
    };
  };
  /** A permission is asked for: as the generated types have it, and what 1.0.102 adds. */
  "permission.requested": Omit<PermissionRequestedEvent, "data"> & {
    data: PermissionRequestedData & {
      permissionMode?: "manual" | "assisted" | "allow-all";
      /** The session whose tool call this is, where an agent of it asks. */
      ownerSessionId?: string;
      ownerAgentId?: string;
      recoveryEpisodeId?: string;
    };
  };
}

/** An external tool call that `session.tools.handlePendingToolCall` would accept. */
export interface PendingExternalToolRequest {
  /** The id to answer it by. */
  requestId: string;
  /** The model's tool call. */
  toolCallId: string;
  /** Which tool, as it was listed in `tools`. */
  toolName: string;
  /** What the model passes to it, by the tool's `parameters`. */
  arguments?: unknown;
  /** Who provides the tool, where the runtime says so. */
  providerId?: string;
  /** The agent that calls it, where it is not the session's own. */
  agentId?: string;
}

interface OneSession {
  sessionId: string;
}

/** Calls that the generated types lack, or know with less. */
export interface NewerCalls {
  /** Answers `mcp.oauth_required`; 1.0.102 takes `runtimeRefresh` too. */
  "session.mcp.oauth.handlePendingRequest": {
    params: Omit<McpOauthHandlePendingRequest, "result"> & {
      result: McpOauthPendingRequestResponse | { kind: "runtimeRefresh" };
    };
    result: McpOauthHandlePendingResult;
  };
  /** Begins a sign-in that the runtime owns. */
  "session.mcp.oauth.login": {
    params: McpOauthLoginRequest & {
      /** `https`, without query and fragment. With it the runtime listens nowhere and waits for `session.mcp.oauth.complete`. */
      redirectUri?: string;
    };
    result: McpOauthLoginResult & {
      /** Only with `redirectUri`; it is the `state` of the authorization URL too. */
      authorizationId?: string;
    };
  };
  /** Hands the runtime the URL that the browser came back to. */
  "session.mcp.oauth.complete": {
    params: OneSession & { authorizationId: string; callbackUrl: string };
    result: null;
  };
  /** The external tool calls that wait for an answer. */
  "session.tools.listPendingRequests": { params: OneSession; result: { items: PendingExternalToolRequest[] } };
  /** Answers `permission.requested`; 1.0.102 takes an approval for reading alone too. */
  "session.permissions.handlePendingPermissionRequest": {
    params: Omit<PermissionDecisionRequest, "result"> & {
      result: PermissionDecision | { kind: "approve-read-only-for-session"; directories: string[] };
    };
    result: PermissionRequestResult;
  };
}
