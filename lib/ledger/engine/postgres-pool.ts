import type postgres from "postgres";
import { isCut } from "./outlook.js";
import { Blockers } from "./postgres-blockers.js";
import type { PostgresDriver } from "./postgres-driver.js";
import { Sockets } from "./postgres-sockets.js";
import { isFolder, type PostgresUrl } from "./postgres-url.js";

export interface PoolOptions {
  readonly driver: PostgresDriver;
  /** Connections for statements; one more listens. */
  readonly max: number;
  /** When no reply comes for so long, the connections are given up. */
  readonly timeoutMs: number;
}

/** How long the client has to notice that its connections were given up. */
const noticeMs = 1000;
/** How long `close` waits for replies. */
const closeGraceMs = 5000;
/** After so long without traffic, TCP asks whether the peer is still there. */
const keepAliveSeconds = 10;
/** How often in `timeoutMs` a running transaction looks for who blocks it. */
const looksPerTimeout = 4;

/**
 * The connections of one ledger. TCP notices a cut link only after many minutes. So each wait for a reply has a time limit, after which
 * the sockets are destroyed; the client then connects again by itself. Each transaction makes its own settings: a pooler refuses
 * start-up parameters that it does not know, and forgets the settings of a session.
 */
export class Pool {
  readonly #url: PostgresUrl;
  readonly #options: PoolOptions;
  readonly #sockets = new Sockets();
  readonly #blockers = new Blockers();
  /** Whether statements are kept prepared on their connections. */
  prepare: boolean;
  /** Counts the hosts that failed. The present host is this number modulo the number of hosts. */
  at = 0;
  #sql: postgres.Sql;
  #second: postgres.Sql | undefined;
  #wake = (): void => undefined;
  #listening = false;
  #pooled = false;
  #closed = false;
  #waiting = 0;
  #idle = (): void => undefined;

  constructor(url: PostgresUrl, options: PoolOptions) {
    this.#url = url;
    this.#options = options;
    this.prepare = url.prepare;
    this.#sql = options.driver(this.#settings({ max: options.max }));
  }

  get sql(): postgres.Sql {
    return this.#sql;
  }

  get hosts(): number {
    return this.#url.hosts.length;
  }

  #settings(own: object) {
    const { hosts, user, password, database, ssl, target, startup } = this.#url;
    return {
      // For error messages only. Given several hosts, the client would try them without end.
      host: hosts[0].host,
      port: hosts[0].port,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ssl: hosts.every(({ host }) => isFolder(host)) ? false : ssl,
      ...(target !== undefined && { target_session_attrs: target }),
      connection: startup,
      onnotice: () => undefined,
      fetch_types: false,
      prepare: this.prepare,
      connect_timeout: Math.max(1, Math.ceil(this.#options.timeoutMs / 1000)),
      keep_alive: keepAliveSeconds,
      // Whoever tries again makes the pause.
      backoff: () => 0,
      // Not awaited: what is written before the connection stands is sent then, and a failure is an error of the socket.
      socket: () => this.#sockets.open(this.#url.hosts[this.at % this.hosts] ?? this.#url.hosts[0]),
      ...own,
    };
  }

  /** Waits for a reply. After `timeoutMs` it gives the connections up. */
  async awaitReply<T>(reply: PromiseLike<T>): Promise<T> {
    let timer = setTimeout(() => {
      this.cut();
      timer = setTimeout(() => this.#replace(), noticeMs);
    }, this.#options.timeoutMs);
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

  /**
   * Runs one transaction. Its start and its end have a time limit here; each statement has its own. `begun` rejects when the connection is in no
   * transaction: whoever runs statements waits for it together with the first one.
   */
  async begin<T>(run: (sql: postgres.TransactionSql, begun: Promise<void>) => Promise<T>): Promise<T> {
    const [begun, tellBegun] = signal();
    const [ended, tellEnded] = signal();
    let result: { value: T } | undefined;
    const whole = this.sql
      .begin(async (sql) => {
        tellBegun();
        const limited = this.#limit(sql);
        limited.catch(() => undefined);
        try {
          result = { value: await run(sql, limited) };
        } catch (error) {
          // The client would send ROLLBACK over the closed connection. It rejects by itself when it notices that it is closed.
          if (isCut(error)) await new Promise(() => undefined);
          throw error;
        } finally {
          tellEnded();
        }
      })
      .then(() => undefined);
    const done = this.#busy();
    const looking = setInterval(() => this.#look(), this.#options.timeoutMs / looksPerTimeout);
    try {
      await this.awaitReply(Promise.race([begun, whole]));
      await Promise.race([ended, whole]);
      await this.awaitReply(whole);
    } finally {
      clearInterval(looking);
      done();
    }
    if (result === undefined) throw new Error("the transaction ended without a result");
    return result.value;
  }

  /**
   * Sent along with the first statement: a transaction whose host has gone keeps no locks, and none waits for them for ever. When a
   * connection breaks at the wrong moment, the client takes BEGIN for done and goes on over another one. A savepoint is an error there.
   */
  async #limit(sql: postgres.TransactionSql): Promise<void> {
    const { timeoutMs } = this.#options;
    const limits = { idle_in_transaction_session_timeout: timeoutMs, lock_timeout: Math.ceil(timeoutMs * 0.9) };
    const text = Object.entries(limits).map(([name, ms]) => `SET LOCAL ${name} = ${ms}`);
    await sql.unsafe(["SAVEPOINT begun", "RELEASE SAVEPOINT begun", ...text].join(";"));
  }

  /** Ends transactions of other roles that block one of ours for too long. */
  #look(): void {
    this.#blockers.look(this.#other(), this.#options.timeoutMs / looksPerTimeout).catch(() => undefined);
  }

  /** Gives every connection up. Whatever waits for a reply over one of them rejects. */
  cut(): void {
    this.#sockets.cut();
  }

  /** Gives up the connections that were made before a fail-over: their server takes no more writes. */
  renew(): void {
    this.#sockets.cutOld();
  }

  /** Turns to the next host, unless somebody did since `at`. False when there is no other. */
  moveOn(at: number): boolean {
    if (this.at === at) this.at++;
    return this.hosts > 1;
  }

  /** Replaces a client that goes on trying to connect. Whatever waits for the old one rejects. */
  #replace(): void {
    if (this.#closed) return;
    const [old, second] = [this.#sql, this.#second];
    this.#sql = this.#options.driver(this.#settings({ max: this.#options.max }));
    this.#second = undefined;
    this.#listening = false;
    for (const client of [old, second]) client?.end({ timeout: 0 }).catch(() => undefined);
  }

  /** One connection more, for queries that must not wait behind the others. */
  #other(): postgres.Sql {
    this.#second ??= this.#options.driver(
      this.#settings({
        max: 1,
        idle_timeout: 0,
        max_lifetime: null,
        onnotify: () => this.#wake(),
        onclose: () => {
          this.#listening = false;
        },
      }),
    );
    return this.#second;
  }

  /**
   * Finds a pooler, which hands out process numbers of its own. It may give each transaction another connection, so nothing is
   * prepared there, the client's own COMMIT included, and nothing is listened for.
   */
  async findPooler(): Promise<void> {
    const told = await this.awaitReply(this.#sql.unsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid"));
    if (told.some(({ pid }) => pid === told.state.pid)) return;
    this.#pooled = true;
    this.stopPreparing();
  }

  stopPreparing(): void {
    this.prepare = false;
    this.#sql.options.prepare = false;
  }

  /** Listens to a channel. False when its notifications cannot arrive now. */
  async listen(channel: string, wake: () => void): Promise<boolean> {
    if (this.#listening || this.#pooled) return this.#listening;
    this.#wake = wake;
    try {
      const sql = this.#other();
      await this.awaitReply(sql.unsafe(`LISTEN "${channel}"`));
      this.#listening = true;
      // Changes that came before we listened are looked for now.
      wake();
    } catch {
      this.#listening = false;
    }
    return this.#listening;
  }

  /** Waits for replies up to `closeGraceMs`, then ends. The client's own `end` would wait for connections that are long gone. */
  async close(): Promise<void> {
    if (this.#waiting > 0) {
      const [idle, tell] = signal();
      this.#idle = tell;
      const timer = setTimeout(tell, closeGraceMs);
      await idle.finally(() => clearTimeout(timer));
    }
    this.#closed = true;
    await Promise.all([this.#second?.end({ timeout: 0 }), this.#sql.end({ timeout: 0 })]);
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
