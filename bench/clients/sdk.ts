import type { CopilotSession } from "@github/copilot-sdk";
import { type Client, hostTool, type Place, provider } from "./client.js";

export async function openSdk(place: Place): Promise<Client> {
  const { CopilotClient, RuntimeConnection } = await import("@github/copilot-sdk");
  const client = new CopilotClient(
    "path" in place
      ? {
          connection: RuntimeConnection.forStdio({ path: place.path, env: { ...process.env, HOME: place.home } }),
          workingDirectory: place.home,
        }
      : {
          connection: RuntimeConnection.forUri(
            `127.0.0.1:${place.port}`,
            place.token === undefined ? {} : { connectionToken: place.token },
          ),
        },
  );
  await client.start();
  const sessions = new Map<string, CopilotSession>();
  const session = (id: string): CopilotSession => {
    const found = sessions.get(id);
    if (!found) throw new Error(`no session ${id}`);
    return found;
  };
  return {
    ping: (message) => client.ping(message),
    async open({ sessionId = crypto.randomUUID(), modelUrl }, handler) {
      const made = await client.createSession({
        sessionId,
        // The benchmark answers by itself; a handler that said "no-result" would answer too.
        onPermissionRequest: () => new Promise(() => undefined),
        onEvent: handler,
        ...provider(modelUrl),
        ...(modelUrl === undefined ? {} : { tools: [{ ...hostTool, handler: () => "done" }] }),
      });
      sessions.set(sessionId, made);
      return sessionId;
    },
    log: (sessionId, message) => session(sessionId).log(message),
    approve: (sessionId, requestId) =>
      session(sessionId).rpc.permissions.handlePendingPermissionRequest({
        requestId,
        result: { kind: "approve-once" },
      }),
    send: (sessionId, prompt) => session(sessionId).send({ prompt }),
    close: () => client.forceStop(),
  };
}
