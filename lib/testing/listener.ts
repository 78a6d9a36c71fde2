/** Where the fake runtime listens, on loopback. */
import { createServer, type Server } from "node:net";
import type { Duplex } from "./peer.js";

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on this port of 127.0.0.1, or on a free one for 0. */
export async function listen(port: number, accept: (duplex: Duplex) => void): Promise<Listener> {
  const server: Server = createServer({ noDelay: true }, (socket) => {
    accept({ readable: socket, writable: socket });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake runtime listens nowhere");
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        if (server.listening) server.close(() => resolve());
        else resolve();
      }),
  };
}
