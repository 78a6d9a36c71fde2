/**
 * A runtime of straw: answers every call, and writes events as fast as the socket takes them. It leaves Nagle's algorithm
 * on, as the real one does. Told by its parent when and what.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type Flood, sessionOf } from "./tasks.js";

let socket: Socket | undefined;

const server = createServer((connection) => {
  socket = connection;
  let buffer: Buffer = Buffer.alloc(0);
  connection.on("data", (chunk: Buffer) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
    for (;;) {
      const head = buffer.indexOf("\r\n\r\n");
      if (head < 0) return;
      const [, digits] = /Content-Length: (\d+)/i.exec(buffer.toString("latin1", 0, head)) ?? [];
      const end = head + 4 + Number(digits);
      if (buffer.length < end) return;
      answer(connection, JSON.parse(buffer.toString("utf8", head + 4, end)));
      buffer = buffer.subarray(end);
    }
  });
  connection.on("error", () => connection.destroy());
});

interface Call {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: { readonly sessionId?: string; readonly message?: string };
}

function answer(connection: Socket, { id, method, params }: Call): void {
  if (id === undefined) return;
  connection.write(frame({ jsonrpc: "2.0", id, result: resultOf(method, params) }));
}

function resultOf(method: string, params: Call["params"]): object {
  if (method === "connect") return { ok: true, protocolVersion: 3, version: "0.0.0" };
  if (method === "ping") return { message: params?.message ?? "", timestamp: 0, protocolVersion: 3 };
  if (method === "session.create") return { sessionId: params?.sessionId, capabilities: {} };
  return { success: true };
}

function frame(message: object): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const word = "The quick brown fox jumps over the lazy dog. ";
const event = (sessionId: string, id: string, data: object) => ({
  jsonrpc: "2.0",
  method: "session.event",
  params: {
    sessionId,
    event: {
      id,
      timestamp: "2026-01-01T00:00:00.000Z",
      parentId: sessionOf(0),
      ephemeral: true,
      type: "assistant.message_delta",
      data,
    },
  },
});

/** A small one has nothing that it could do without. */
const small = (sessionId: string, id: string, data: object) => ({
  jsonrpc: "2.0",
  method: "session.event",
  params: { sessionId, event: { id, timestamp: "2026-01-01T00:00:00.000Z", type: "assistant.message_delta", data } },
});

const batch = 128;
const places = { id: "1".repeat(36), session: "2".repeat(36) };

/** One buffer of events whose ids and sessions are written over before each write: making them costs next to nothing. */
async function pour(to: Socket, { events, sessions, size }: Flood): Promise<void> {
  const one = frame(
    size === "250 bytes"
      ? small(places.session, places.id, { deltaContent: "lazy dog" })
      : event(places.session, places.id, { messageId: sessionOf(1), deltaContent: word }),
  );
  const [idAt, sessionAt] = [one.indexOf(places.id), one.indexOf(places.session)];
  let count = 0;
  while (count < events && !to.destroyed) {
    const inBatch = Math.min(batch, events - count);
    const buffer = Buffer.from(one.repeat(inBatch));
    for (let index = 0; index < inBatch; index++, count++) {
      buffer.write(sessionOf(++lastEvent), index * one.length + idAt, "latin1");
      buffer.write(sessionOf(count % sessions), index * one.length + sessionAt, "latin1");
    }
    if (!to.write(buffer)) await once(to, "drain");
  }
}
let lastEvent = 0;

/** Bursts of events, each event a write of its own that says when it was made; a rest between bursts. */
async function drip(to: Socket, { events, burst }: Flood): Promise<void> {
  for (let count = 0; count < events && !to.destroyed; count++) {
    const at = Number(process.hrtime.bigint()) / 1e6;
    to.write(frame(event(sessionOf(0), sessionOf(++lastEvent), { at })));
    if (count % burst === burst - 1) await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

process.on("message", (flood: Flood) => {
  if (!socket) throw new Error("nobody is connected");
  void (flood.burst > 0 ? drip(socket, flood) : pour(socket, flood));
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.({ port: address.port });
});
