import { once } from "node:events";
import { connect } from "node:net";
import type { Client, Event, Place } from "./client.js";
import { type Handlers, rawCalls } from "./raw.js";
import { end, spawnRuntime } from "./spawn.js";

/** vscode-jsonrpc as it comes, but for `noDelay`, without which each call over TCP takes 40 ms. */
export async function openJsonRpc(place: Place): Promise<Client> {
  const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = await import("vscode-jsonrpc/node");
  const child = "path" in place ? spawnRuntime(place) : undefined;
  const socket = "port" in place ? connect({ port: place.port, host: "127.0.0.1", noDelay: true }) : undefined;
  if (socket) await once(socket, "connect");
  const connection = createMessageConnection(
    new StreamMessageReader(child?.stdout ?? socket!),
    new StreamMessageWriter(child?.stdin ?? socket!),
  );
  const handlers: Handlers = new Map();
  connection.onNotification("session.event", ({ sessionId, event }: { sessionId: string; event: Event }) =>
    handlers.get(sessionId)?.(event),
  );
  connection.listen();
  const request = (method: string, params: object): Promise<unknown> => connection.sendRequest(method, params);
  await request("connect", { token: "token" in place ? place.token : undefined });
  return {
    ...rawCalls(request, handlers),
    async close() {
      connection.dispose();
      socket?.destroy();
      if (child) await end(child);
    },
  };
}
