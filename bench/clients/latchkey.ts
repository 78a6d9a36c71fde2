import { type Client, type Place, sessionParams } from "./client.js";
import { end, spawnRuntime } from "./spawn.js";

export async function openLatchkey(place: Place, { nudge = true }: { nudge?: boolean } = {}): Promise<Client> {
  // Packages are loaded where they are used: they are part of what a process weighs.
  const { connect } = await import("latchkey/rpc");
  const child = "path" in place ? spawnRuntime(place) : undefined;
  const rpc = await (child
    ? connect({ readable: child.stdout, writable: child.stdin })
    : connect(
        { port: "port" in place ? place.port : 0 },
        { token: "token" in place ? place.token : undefined, nudge },
      ));
  return {
    ping: (message) => rpc.request("ping", { message }),
    async open(opening, handler) {
      const { sessionId = crypto.randomUUID() } = opening;
      rpc.session(sessionId).events.on("*", handler);
      await rpc.request("session.create", { sessionId, ...sessionParams(opening) });
      return sessionId;
    },
    log: (sessionId, message) => rpc.session(sessionId).request("log", { message }),
    approve: (sessionId, requestId) =>
      rpc
        .session(sessionId)
        .request("permissions.handlePendingPermissionRequest", { requestId, result: { kind: "approve-once" } }),
    answerTool: (sessionId, requestId) =>
      rpc.session(sessionId).request("tools.handlePendingToolCall", { requestId, result: "done" }),
    send: (sessionId, prompt) => rpc.session(sessionId).request("send", { prompt }),
    async close() {
      await rpc.close();
      if (child) await end(child);
    },
  };
}
