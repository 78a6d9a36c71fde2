import { once } from "node:events";
import { connect } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { Client, Event, Place } from "./client.js";
import { type Handlers, rawCalls } from "./raw.js";
import { end, spawnRuntime } from "./spawn.js";

interface Incoming {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId: string; readonly event: Event };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

const separator = Buffer.from("\r\n\r\n");
const nudgeBody = JSON.stringify({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: "nobody" } });
const nudgeFrame = `Content-Length: ${nudgeBody.length}\r\n\r\n${nudgeBody}`;
const prefix = "Content-Length: ".length;

/** The limit: splits frames, parses JSON, finds who waits. Checks nothing, ends nothing, survives nothing. */
export async function openBare(place: Place, { nudge = false }: { nudge?: boolean } = {}): Promise<Client> {
  const child = "path" in place ? spawnRuntime(place) : undefined;
  const socket = "port" in place ? connect({ port: place.port, host: "127.0.0.1", noDelay: true }) : undefined;
  if (socket) await once(socket, "connect");
  const readable: Readable = child?.stdout ?? socket!;
  const writable: Writable = child?.stdin ?? socket!;
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  const handlers: Handlers = new Map();
  let lastId = 0;

  function receive(message: Incoming): void {
    if (message.params !== undefined) {
      if (message.method === "session.event") handlers.get(message.params.sessionId)?.(message.params.event);
    } else if (message.id !== undefined) {
      const waiter = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) waiter?.reject(new Error(message.error.message));
      else waiter?.resolve(message.result);
    }
  }

  let parts: Buffer[] = [];
  let missing = 0;
  readable.on("data", (chunk: Buffer) => {
    let buffer = chunk;
    if (parts.length > 0) {
      parts.push(chunk);
      missing -= chunk.length;
      if (missing > 0) return;
      buffer = Buffer.concat(parts);
      parts = [];
    }
    let at = 0;
    for (;;) {
      const head = buffer.indexOf(separator, at);
      if (head < 0) break;
      const start = head + 4;
      const stop = start + Number(buffer.toString("latin1", at + prefix, head));
      if (stop > buffer.length) {
        missing = stop - buffer.length;
        break;
      }
      receive(JSON.parse(buffer.toString("utf8", start, stop)));
      at = stop;
    }
    if (at < buffer.length) parts = [at === 0 ? buffer : buffer.subarray(at)];
    if (nudge && waiting.size > 0) writable.write(nudgeFrame);
  });

  function request(method: string, params: object): Promise<unknown> {
    const id = ++lastId;
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      writable.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    });
  }

  await request("connect", { token: "token" in place ? place.token : undefined });
  return {
    ...rawCalls(request, handlers),
    async close() {
      socket?.destroy();
      if (child) await end(child);
    },
  };
}
