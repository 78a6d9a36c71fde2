import { connect, isIP, type Socket } from "node:net";
import { join } from "node:path";
import { checkServerIdentity } from "node:tls";
import { isFolder, type PostgresUrl } from "./postgres-url.js";

/** A connection that is older was made before the fail-over that we just learned of. */
const freshMs = 5000;

/** The sockets under a client's connections, so that they can be given up when a server falls silent. */
export class Sockets {
  /** Each with the time when it was opened. */
  readonly #opened = new Map<Socket, number>();

  open({ host, port }: PostgresUrl["hosts"][number]): Socket {
    const socket = isFolder(host)
      ? connect({ path: join(host, `.s.PGSQL.${port}`) })
      : connect({ host, port, noDelay: true });
    // Without an error the client would go on connecting to a server that hangs up at once.
    socket.once("end", () => {
      if (socket.bytesRead === 0)
        socket.destroy(Object.assign(new Error("the server hung up"), { code: "CONNECTION_CLOSED" }));
    });
    // Node emits "close" some turns after the error. What the client sent in between it would take for answered. This listener comes
    // after the client's own, which are added in the next microtask.
    setImmediate(() => socket.once("error", () => socket.emit("close", false)));
    // The client takes the name that it asks for in TLS from here.
    Object.assign(socket, { host, port });
    for (const old of this.#opened.keys()) if (old.destroyed) this.#opened.delete(old);
    this.#opened.set(socket, performance.now());
    return socket;
  }

  /** Gives all of them up. */
  cut(): void {
    for (const socket of this.#opened.keys()) socket.destroy();
  }

  /** Gives up those that were opened before a fail-over. */
  cutOld(): void {
    for (const [socket, since] of this.#opened) if (performance.now() - since > freshMs) socket.destroy();
  }
}

/**
 * What the client is told about TLS. An address is no server name (RFC 6066 section 3): the client gives Node none then, and Node would
 * compare the certificate with "localhost". So an address is compared here; `current` is the host of the connection that is made.
 */
export function tlsOptions({ hosts, ssl }: PostgresUrl, current: () => string): PostgresUrl["ssl"] {
  if (hosts.every(({ host }) => isFolder(host))) return false;
  const checks = ssl === "verify-full" ? {} : ssl;
  if (typeof checks !== "object" || checks.rejectUnauthorized === false || checks.checkServerIdentity) return ssl;
  return {
    ...checks,
    checkServerIdentity: (name, certificate) => {
      const host = current();
      return checkServerIdentity(isIP(host) === 0 ? name : host, certificate);
    },
  };
}
