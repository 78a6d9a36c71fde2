/** One connection of a client, seen from the runtime: frames, and the errors of a message that is none. */
import type { Readable, Writable } from "node:stream";
import { isRecord } from "../base/record.js";
import { createFrames, encodeFrame } from "../rpc/internal.js";
import type { Traits } from "./likeness.js";

/** A JSON-RPC message as it came; nothing in it is checked yet. */
export type Message = Readonly<Record<string, unknown>>;

export interface Duplex {
  readonly readable: Readable;
  readonly writable: Writable;
}

/** What may come between a message and the wire. */
export interface Between {
  /** A message of the client. `deliver` may be called at once, later, several times or never. */
  incoming(peer: Peer, message: Message, deliver: () => void): void;
  /** A message of the runtime. `write` puts these bytes on the wire, as one write. */
  outgoing(peer: Peer, message: Message, write: (bytes: string | Buffer) => void): void;
}

export interface Peer {
  /** 1 for the first connection, and so on. */
  readonly number: number;
  /** Whether it came over a pair of streams, where no token is asked for. */
  readonly trusted: boolean;
  /** Whether it has made the handshake. */
  entered: boolean;
  readonly open: boolean;
  send(message: Message): void;
  /** Calls a method of the client. Rejects with its error, or when the connection ends. */
  call(method: string, params: object): Promise<unknown>;
  /** Tears the connection down. */
  destroy(): void;
  /** Ends it when what was written is on its way. */
  end(): void;
}

export interface PeerOptions {
  readonly number: number;
  readonly trusted: boolean;
  readonly traits: Traits;
  readonly between: Between;
  receive(peer: Peer, message: Message): void;
  gone(peer: Peer): void;
}

export class ClientError extends Error {}

export function createPeer({ readable, writable }: Duplex, options: PeerOptions): Peer {
  const { number, trusted, traits, between } = options;
  const frames = createFrames(Math.min(traits.frameBytes, Number.MAX_SAFE_INTEGER));
  const calls = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let called = 0;
  let open = true;
  let deaf = false;

  const refuse = (code: number, message: string): void =>
    peer.send({ jsonrpc: "2.0", id: null, error: { code, message } });

  function take(body: string): void {
    const read = parse(body);
    if ("code" in read) refuse(read.code, read.text);
    else
      between.incoming(peer, read.message, () => {
        if (open) route(read.message);
      });
  }

  function route(message: Message): void {
    if (message.method !== undefined) {
      options.receive(peer, message);
      return;
    }
    const call = typeof message.id === "number" ? calls.get(message.id) : undefined;
    if (call === undefined) return;
    calls.delete(Number(message.id));
    if (message.error === undefined) call.resolve(message.result);
    else call.reject(new ClientError(JSON.stringify(message.error)));
  }

  function onData(chunk: Buffer | string): void {
    if (deaf) return;
    frames.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    try {
      for (let body = frames.next(); body !== undefined && open; body = frames.next()) take(body);
    } catch {
      deaf = true;
      refuse(-32700, "Message header must separate key and value using ':'");
      if (traits.hangsUpOnBadHeader) peer.destroy();
    }
  }

  function end(): void {
    if (!open) return;
    open = false;
    readable.off("data", onData);
    writable.destroy();
    readable.destroy();
    for (const { reject } of calls.values()) reject(new ClientError("the connection ended"));
    calls.clear();
    options.gone(peer);
  }

  const peer: Peer = {
    number,
    trusted,
    entered: trusted,
    get open() {
      return open;
    },
    send(message) {
      if (!open) return;
      between.outgoing(peer, message, (bytes) => {
        if (open && !writable.destroyed && !writable.writableEnded) writable.write(bytes);
      });
    },
    call(method, params) {
      called += 1;
      const id = called;
      const answered = new Promise<unknown>((resolve, reject) => calls.set(id, { resolve, reject }));
      peer.send({ jsonrpc: "2.0", id, method, params });
      return answered;
    },
    destroy: end,
    end() {
      if (!open) return;
      writable.end(() => end());
    },
  };

  readable.on("data", onData);
  for (const stream of [readable, writable]) {
    stream.on("error", end);
    stream.on("close", end);
  }
  readable.on("end", end);
  return peer;
}

/** What is written when nothing comes between. */
export const plainly: Between = {
  incoming: (_peer, _message, deliver) => deliver(),
  outgoing: (_peer, message, write) => write(encodeFrame(message)),
};

/** A message, or what is wrong with it. */
function parse(body: string): { message: Message } | { code: number; text: string } {
  let message: unknown;
  try {
    message = JSON.parse(body);
  } catch {
    return { code: -32700, text: "key must be a string at line 1 column 2" };
  }
  if (!isRecord(message) || (message.method === undefined && message.id === undefined))
    return { code: -32600, text: "not a recognizable JSON-RPC request, notification, or response" };
  return message.jsonrpc === "2.0" ? { message } : { code: -32600, text: "missing field `jsonrpc`" };
}
