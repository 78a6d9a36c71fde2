import type { Socket } from "node:net";
import type postgres from "postgres";
import { Blockers } from "./postgres-blockers.js";
import type { PostgresDriver } from "./postgres-driver.js";
import { Lane } from "./postgres-lane.js";
import { Sockets, tlsOptions } from "./postgres-sockets.js";
import type { Limits } from "./postgres-transaction.js";
import type { Host, PostgresUrl } from "./postgres-url.js";

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
/** A connection that is older is replaced when it is free: a server's process only grows. */
const longestLifeMs = 45 * 60_000;

/**
 * The connections of one ledger. TCP notices a cut link only after many minutes. So each wait for a reply has a time limit, after which
 * the sockets are destroyed; others are made when they are needed. Each transaction makes its own settings: a pooler refuses
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
  readonly #lanes = new Set<Lane>();
  /** The last one was used last. */
  #free: Lane[] = [];
  readonly #queue: { readonly resolve: (lane: Lane) => void; readonly reject: (reason: unknown) => void }[] = [];
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
  }

  get hosts(): number {
    return this.#url.hosts.length;
  }

  #settings(own: object) {
    const { hosts, user, password, database, target, startup } = this.#url;
    return {
      // For error messages only. Given several hosts, the client would try them without end.
      host: hosts[0].host,
      port: hosts[0].port,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ssl: tlsOptions(this.#url, () => this.#current().host),
      ...(target !== undefined && { target_session_attrs: target }),
      connection: startup,
      onnotice: () => undefined,
      fetch_types: false,
      connect_timeout: Math.max(1, Math.ceil(this.#options.timeoutMs / 1000)),
      keep_alive: keepAliveSeconds,
      // Whoever tries again makes the pause.
      backoff: () => 0,
      // Not awaited: what is written before the connection stands is sent then, and a failure is an error of the socket.
      socket: () => this.#open(),
      ...own,
    };
  }

  #open(): Socket {
    return this.#sockets.open(this.#current());
  }

  #current(): Host {
    return this.#url.hosts[this.at % this.hosts] ?? this.#url.hosts[0];
  }

  /** Waits for a reply. After `timeoutMs` it gives the connections up. */
  async awaitReply<T>(reply: PromiseLike<T>): Promise<T> {
    let timer = setTimeout(() => {
      this.cut();
      timer = setTimeout(() => this.#replace(), noticeMs);
    }, this.#options.timeoutMs);
    try {
      return await reply;
    } finally {
      clearTimeout(timer);
    }
  }

  #busy(): () => void {
    this.#waiting++;
    return () => {
      if (--this.#waiting === 0) this.#idle();
    };
  }

  /** Lends a connection that nobody else uses meanwhile. */
  async lend<T>(run: (lane: Lane) => Promise<T>): Promise<T> {
    const done = this.#busy();
    try {
      const lane = await this.#take();
      try {
        return await run(lane);
      } finally {
        this.#give(lane);
      }
    } finally {
      done();
    }
  }

  /** Lends a connection for a transaction, and looks meanwhile for who blocks it. Each transaction is to have these limits. */
  async transaction<T>(run: (lane: Lane, limits: Limits) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    const limits = { idle_in_transaction_session_timeout: timeoutMs, lock_timeout: Math.ceil(timeoutMs * 0.9) };
    return await this.lend(async (lane) => {
      const looking = setInterval(() => this.#look(), timeoutMs / looksPerTimeout);
      try {
        return await run(lane, limits);
      } finally {
        clearInterval(looking);
      }
    });
  }

  async #take(): Promise<Lane> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#closed) throw ended();
    if (this.#lanes.size < this.#options.max) return this.#make();
    return await new Promise((resolve, reject) => this.#queue.push({ resolve, reject }));
  }

  #make(): Lane {
    const lane: Lane = new Lane({
      client: (own) => this.#options.driver(this.#settings(own)),
      open: () => this.#open(),
      tellLost: () => {
        this.#lanes.delete(lane);
        this.#free = this.#free.filter((free) => free !== lane);
      },
    });
    this.#lanes.add(lane);
    return lane;
  }

  #give(lane: Lane): void {
    if (lane.ageMs > longestLifeMs) lane.close().catch(() => undefined);
    const next = this.#queue.shift();
    if (next !== undefined) next.resolve(lane.isLost ? this.#make() : lane);
    else if (!lane.isLost) this.#free.push(lane);
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
    const second = this.#second;
    this.#second = undefined;
    this.#listening = false;
    second?.end({ timeout: 0 }).catch(() => undefined);
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
   * prepared there, and nothing is listened for.
   */
  async findPooler(): Promise<void> {
    const { pid, told } = await this.lend(async (lane) => {
      const reply = lane.send("SELECT pg_backend_pid() AS pid");
      await this.awaitReply(lane.settled());
      return { pid: (await reply).rows[0]?.pid, told: (await reply).pid };
    });
    if (pid === told) return;
    this.#pooled = true;
    this.prepare = false;
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
    for (const { reject } of this.#queue.splice(0)) reject(ended());
    await Promise.all([this.#second?.end({ timeout: 0 }), ...[...this.#lanes].map((lane) => lane.close())]);
    this.cut();
  }
}

const ended = (): Error => Object.assign(new Error("the ledger is closed"), { code: "CONNECTION_ENDED" });

function signal(): [Promise<void>, () => void] {
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return [told, () => tell()];
}
