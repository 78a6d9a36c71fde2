/** What the runtimes' schemas name as a question or an answer is named, and why it is no kind. docs/kinds.md shows it. */
export const leftOut: Readonly<Record<string, string>> = {
  "human_response.recorded":
    "tells by whom a question was answered; a host on a connection cannot say it (only a permission's `approvedInteractively` can), and 1.0.102 was not seen to say it of a host's answer",
  "mcp.oauth_recovery_completed":
    "tells how a `runtimeRefresh` ended; `mcp.oauth_completed` follows and ends the request",
  "pending_messages.modified": "tells that the session's own queue of messages changed",
  "permission.assentDetected": "tells what the runtime's own judge saw",
  "permission.carriedForward": "tells that an earlier decision was used again",
  "permission.contextualAuthorization": "tells what the runtime's own judge saw",
  "session.mcp.oauth.respond": "an older way to answer `mcp.oauth_required`, without a result",
  "session.permissions.pendingRequests":
    "lists permissions; 1.0.85 lists those too that died with `continuePendingWork: false`, so the log is asked",
  "session.queue.enqueueResumePending": "the session's own queue of messages; internal",
  "session.queue.hasPending": "the session's own queue of messages; internal",
  "session.queue.pendingItems": "the session's own queue of messages: what a user typed, not what the runtime asks",
  "session.request_body_compression_disabled": "tells about requests to the model",
  "session.tasks.waitForPending": "waits for tasks in the background; nobody is asked",
  "session.tools.listPendingRequests":
    "lists external tool calls: `readAsked`, `attend`, recorders and deliverers use it",
  "session.ui.handleHumanAskUser": "only for a client inside the runtime's own process; a connection is refused",
  "session.ui.handleHumanExitPlanMode": "only for a client inside the runtime's own process; a connection is refused",
  "session.ui.handleHumanUserInput": "only for a client inside the runtime's own process; a connection is refused",
  "tool.user_requested": "tells that the user has started a tool",
  "ui.ephemeral_query": "tells of a query that the runtime answers itself",
};
