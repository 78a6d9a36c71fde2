/**
 * A ledger on PostgreSQL, with settings of its own.
 * @module ledger/postgres
 */
import { countOf, spanOf, waitOf } from "../../base/amounts.js";
import { LatchkeyError, LedgerError } from "../../base/errors.js";
import { fault } from "../../base/fault.js";
import type { Ledger } from "../contract.js";
import { type KeyOptions, openLedgerOn } from "../open.js";
import type { Dialect, Engine, Rule } from "./engine.js";
import { databaseError, isCut, isForeignStatement, isReadOnly, isRolledBack, outlookOf } from "./outlook.js";
import { loadPostgres, type PostgresDriver } from "./postgres-driver.js";
import type { Lane } from "./postgres-lane.js";
import { Pool } from "./postgres-pool.js";
import { postgresDialect } from "./postgres-schema.js";
import { Statements } from "./postgres-statements.js";
import { readOver, type TransactionOptions, transactOver } from "./postgres-transaction.js";
import { parsePostgresUrl } from "./postgres-url.js";

/** Settings of a ledger on PostgreSQL. Times are in milliseconds. */
export interface PostgresOptions {
  /** The package `postgres`, from a program that bundles it; imported when left out. */
  driver?: PostgresDriver | undefined;
  /** The schema that holds the tables; the URL may say it too, as `?schema=name`. Default `latchkey`. */
  schema?: string | undefined;
  /** Connections at most. Default 5, and one that listens. */
  max?: number | undefined;
  /** How long to wait for a reply before the server counts as unreachable. Default 10 000. */
  timeoutMs?: number | undefined;
  /** How long calls wait for a server that is away before they reject with `UNAVAILABLE`. Default 0. */
  waitMs?: number | undefined;
}

/**
 * Opens a ledger on PostgreSQL with settings of its own. There is no default key.
 * @throws LedgerError `WRONG_KEY` without the key or with another one, `NEWER_FORMAT`, `UNAVAILABLE` when the server cannot be reached,
 * `DATABASE` when it refuses. TypeError when the URL or an option is malformed.
 * @example
 * ```ts
 * import { openPostgresLedger } from "latchkey/ledger/postgres";
 *
 * await using ledger = await openPostgresLedger("postgres://latchkey@db.example/app", {
 *   key: process.env.LEDGER_KEY,
 *   schema: "latchkey",
 *   waitMs: 5_000,
 * });
 * console.log(await ledger.list({ state: "open" }));
 * ```
 */
export async function openPostgresLedger(url: string, options: PostgresOptions & KeyOptions = {}): Promise<Ledger> {
  return await openLedgerOn(await postgresEngine(url, options), options);
}

/**
 * The engine under `openPostgresLedger`, for `openLedgerOn`. Its tables are made when the ledger is opened.
 * @throws LedgerError `UNAVAILABLE` or `DATABASE`; TypeError when the URL or an option is malformed.
 */
export async function postgresEngine(location: string, options: PostgresOptions = {}): Promise<Engine> {
  const url = parsePostgresUrl(location);
  const { schema = url.schema ?? "latchkey", max = url.connections ?? 5, timeoutMs = 10_000, waitMs = 0 } = options;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new TypeError('"schema" must be a plain lower-case name');
  countOf(max, "max");
  waitOf(waitMs, "waitMs");
  spanOf(timeoutMs, "timeoutMs");
  const { driver = await loadPostgres() } = options;
  const engine = new PostgresEngine(new Pool(url, { driver, max, timeoutMs }), schema, waitMs);
  try {
    await engine.begin();
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}

/** How often to look for changes while no notification can arrive. */
const pollMs = 1000;
/** The pause before the next try at a server that is away grows by the first with each, up to the second. */
const retryPauseMs = 50;
const longestRetryPauseMs = 500;
/** How often a transaction is tried again that the server undid, or whose statement a pooler lost. */
const mostTries = 10;

class PostgresEngine implements Engine {
  readonly dialect: Dialect;
  readonly #pool: Pool;
  readonly #schema: string;
  readonly #waitMs: number;
  readonly #statements: Statements;
  readonly #listeners = new Set<() => void>();
  #polling: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(pool: Pool, schema: string, waitMs: number) {
    this.#pool = pool;
    this.#schema = schema;
    this.#waitMs = waitMs;
    this.dialect = postgresDialect(schema);
    this.#statements = new Statements(schema);
  }

  async begin(): Promise<void> {
    await this.#whenReachable(() => this.#pool.findPooler());
  }

  async transact<T>(name: string, rule: () => Rule<T>): Promise<T> {
    fault(`${name}:before`);
    const result = await this.#whenReachable(() =>
      this.#pool.transaction((lane, limits) =>
        transactOver(lane, rule(), {
          ...this.#means(lane),
          limits,
          beforeCommit: () => fault(`${name}:written`),
        }),
      ),
    );
    fault(`${name}:committed`);
    this.#wake();
    return result;
  }

  async read<T>(rule: () => Rule<T>): Promise<T> {
    return await this.#whenReachable(() => this.#pool.lend((lane) => readOver(lane, rule(), this.#means(lane))));
  }

  #means(lane: Lane): TransactionOptions {
    const pool = this.#pool;
    return { statements: this.#statements, prepare: pool.prepare, settled: () => pool.awaitReply(lane.settled()) };
  }

  async #whenReachable<T>(run: () => Promise<T>): Promise<T> {
    const end = performance.now() + this.#waitMs;
    const pool = this.#pool;
    for (let tries = 1, hosts = pool.hosts; ; tries++) {
      if (this.#closed) throw new LedgerError("UNAVAILABLE", "the ledger is closed");
      const { at } = pool;
      try {
        return await run();
      } catch (error) {
        if (error instanceof LatchkeyError || error instanceof TypeError) throw error;
        if (isRolledBack(error) && tries < mostTries) continue;
        if (isForeignStatement(error) && tries < mostTries) {
          pool.prepare = false;
          continue;
        }
        if (isReadOnly(error)) pool.renew();
        if ((isCut(error) || isReadOnly(error)) && pool.moveOn(at) && --hosts > 0) continue;
        if (outlookOf(error) !== "passes" || performance.now() >= end) throw databaseError("PostgreSQL", error);
        await new Promise((resume) => setTimeout(resume, Math.min(retryPauseMs * tries, longestRetryPauseMs)));
      }
    }
  }

  listen(wake: () => void): () => void {
    this.#listeners.add(wake);
    if (this.#polling === undefined) {
      const look = async (): Promise<void> => {
        if (!(await this.#pool.listen(this.#schema, () => this.#wake()))) this.#wake();
      };
      const tick = (): void => void look().catch(() => this.#wake());
      tick();
      this.#polling = setInterval(tick, pollMs).unref();
    }
    return () => {
      this.#listeners.delete(wake);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#polling);
      this.#polling = undefined;
    };
  }

  #wake(): void {
    for (const wake of [...this.#listeners]) wake();
  }

  async defaultKey(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#polling);
    await this.#pool.close();
  }
}
