import { type Client, type Event, type Opening, sessionParams } from "./client.js";

export type Handlers = Map<string, (event: Event) => void>;

/** The calls of those who only know methods and params. */
export function rawCalls(
  request: (method: string, params: object) => Promise<unknown>,
  handlers: Handlers,
): Omit<Client, "close"> {
  return {
    ping: (message) => request("ping", { message }),
    async open(opening: Opening, handler) {
      const { sessionId = crypto.randomUUID() } = opening;
      handlers.set(sessionId, handler);
      await request("session.create", { sessionId, ...sessionParams(opening) });
      return sessionId;
    },
    log: (sessionId, message) => request("session.log", { sessionId, message }),
    approve: (sessionId, requestId) =>
      request("session.permissions.handlePendingPermissionRequest", {
        sessionId,
        requestId,
        result: { kind: "approve-once" },
      }),
    answerTool: (sessionId, requestId) =>
      request("session.tools.handlePendingToolCall", { sessionId, requestId, result: "done" }),
    send: (sessionId, prompt) => request("session.send", { sessionId, prompt }),
  };
}
