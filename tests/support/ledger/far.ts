import { connect, createServer, type Socket } from "node:net";

/** A server as it is seen from far away: replies come only when nothing more is being sent, and whoever waits for one is counted. */
export interface Far extends Disposable {
  /** The URL of the same database by this way. */
  url(location: string): string;
  /** How often somebody who had sent all that they could waited for the server, since the last call. */
  waits(): number;
  /** How many connections were made. */
  readonly connections: number;
  /** Cuts every connection when a message to the server holds this text, before it gets there. */
  cutAt(text: string | undefined): void;
}

/** Longer than a program takes to send what it sends without waiting. */
const quietMs = 8;

export async function farFrom(port: number): Promise<Far> {
  let waits = 0;
  let connections = 0;
  let cut: string | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    connections++;
    const upstream = connect({ port, host: "127.0.0.1", noDelay: true });
    client.setNoDelay();
    const held: Buffer[] = [];
    let asked = false;
    let timer: NodeJS.Timeout | undefined;
    const pass = (): void => {
      if (held.length === 0) return;
      if (asked) waits++;
      asked = false;
      client.write(Buffer.concat(held.splice(0)));
    };
    const whenQuiet = (): void => {
      clearTimeout(timer);
      timer = setTimeout(pass, quietMs);
    };
    client.on("data", (chunk) => {
      asked = true;
      if (cut !== undefined && chunk.includes(cut)) for (const socket of sockets) socket.destroy();
      else upstream.write(chunk);
      whenQuiet();
    });
    upstream.on("data", (chunk) => {
      held.push(chunk);
      whenQuiet();
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        clearTimeout(timer);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const own = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url(location) {
      const url = new URL(location);
      url.port = String(own);
      return url.href;
    },
    get connections() {
      return connections;
    },
    waits() {
      const found = waits;
      waits = 0;
      return found;
    },
    cutAt(text) {
      cut = text;
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
