import { connect, type Socket } from "node:net";
import postgres from "postgres";
import { isUnreachable } from "./postgres-errors.js";

export interface PoolOptions {
  /** Connections for statements; one more listens. */
  readonly max: number;
  /** Nothing heard for so long while something is awaited: the connections are given up. */
  readonly timeoutMs: number;
}

/**
 * The connections of one ledger. TCP notices a cut link only after many minutes, so whoever waits for a reply keeps a
 * watch and destroys the sockets when it takes too long; the client then connects anew by itself.
 */
export class Pool {
  readonly sql: postgres.Sql;
  readonly #url: string;
  readonly #options: PoolOptions;
  readonly #sockets = new Set<Socket>();
  #listener: postgres.Sql | undefined;
  #listening = false;
  #waiting = 0;
  #idle = (): void => undefined;

  constructor(url: string, options: PoolOptions) {
    this.#url = url;
    this.#options = options;
    this.sql = postgres(url, this.#settings({ max: options.max }));
  }

  #settings(own: object) {
    const { timeoutMs } = this.#options;
    return {
      onnotice: () => undefined,
      fetch_types: false,
      connect_timeout: Math.max(1, Math.ceil(timeoutMs / 1000)),
      keep_alive: 10,
      // A transaction whose host has gone must not keep its locks.
      connection: { application_name: "latchkey", idle_in_transaction_session_timeout: timeoutMs },
      ...(isPlain(this.#url) && { socket: this.#connect }),
      ...own,
    };
  }

  /** Not awaited: what is written before the connection stands is sent then, and a failure is an error of the socket. */
  readonly #connect = ({ host, port }: { host: string[]; port: number[] }): Socket => {
    const socket = connect({ host: host[0], port: port[0] ?? 5432, noDelay: true });
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  };

  /** Waits for the server, but not for ever. */
  async heard<T>(reply: PromiseLike<T>): Promise<T> {
    const timer = setTimeout(() => this.cut(), this.#options.timeoutMs);
    const done = this.#busy();
    try {
      return await reply;
    } finally {
      clearTimeout(timer);
      done();
    }
  }

  #busy(): () => void {
    this.#waiting++;
    return () => {
      if (--this.#waiting === 0) this.#idle();
    };
  }

  /** One transaction. Its statements are watched one by one, its start and its end here. */
  async begin<T>(run: (sql: postgres.TransactionSql) => Promise<T>): Promise<T> {
    const [begun, tellBegun] = signal();
    const [ended, tellEnded] = signal();
    let result: { value: T } | undefined;
    const whole = this.sql
      .begin(async (sql) => {
        tellBegun();
        try {
          result = { value: await run(sql) };
        } catch (error) {
          // The client would send ROLLBACK on the closed connection, which it cannot. It ends the transaction by itself.
          if (isUnreachable(error)) await new Promise(() => undefined);
          throw error;
        } finally {
          tellEnded();
        }
      })
      .then(() => undefined);
    const done = this.#busy();
    try {
      await this.heard(Promise.race([begun, whole]));
      await Promise.race([ended, whole]);
      await this.heard(whole);
    } finally {
      done();
    }
    if (result === undefined) throw new Error("the transaction ended without a result");
    return result.value;
  }

  /** Gives every connection up. What is awaited on them rejects. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Makes sure that notifications of a channel arrive; false when they do not now. */
  async listen(channel: string, wake: () => void): Promise<boolean> {
    if (this.#listening) return true;
    this.#listener ??= postgres(
      this.#url,
      this.#settings({
        max: 1,
        idle_timeout: 0,
        max_lifetime: null,
        onnotify: wake,
        onclose: () => {
          this.#listening = false;
        },
      }),
    );
    try {
      await this.heard(this.#listener.unsafe(`LISTEN "${channel}"`));
      this.#listening = true;
      // What happened while nobody listened is looked for now.
      wake();
    } catch {
      this.#listening = false;
    }
    return this.#listening;
  }

  /** Waits a little for replies that are out, then ends. The client's own drain would wait for connections long gone. */
  async close(): Promise<void> {
    if (this.#waiting > 0) {
      const [idle, tell] = signal();
      this.#idle = tell;
      const timer = setTimeout(tell, 5000);
      await idle.finally(() => clearTimeout(timer));
    }
    await Promise.all([this.#listener?.end({ timeout: 0 }), this.sql.end({ timeout: 0 })]);
    this.cut();
  }
}

function signal(): [Promise<void>, () => void] {
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return [told, () => tell()];
}

/** One host, reached by TCP: only then the socket can be made here. */
function isPlain(url: string): boolean {
  const { hostname, searchParams } = new URL(url);
  return hostname !== "" && !hostname.includes(",") && !searchParams.has("host") && !hostname.startsWith("%2F");
}
