import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { LatchkeyError, LedgerError } from "../../base/errors.js";
import { fault } from "../../base/fault.js";
import { makeKeyFile, readKeyFile } from "../seal/key-file.js";
import { type Dialect, drive, type Engine, type Question, type Row, type Rule } from "./engine.js";
import { databaseError } from "./outlook.js";
import { SqliteChanges } from "./sqlite-changes.js";
import { type Database, loadSqlite } from "./sqlite-driver.js";
import { OpenFiles, reserve } from "./sqlite-file.js";

/** How long one statement waits for another process's transaction; the event loop stands still meanwhile. */
const busyMs = 100;
/** How long a transaction waits altogether. */
const patienceMs = 15_000;
/** The pause before the next try doubles from the first to the longest. */
const firstPauseMs = 1;
const longestPauseMs = 50;

const clock = "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)";

const draw = "UPDATE @meta SET value = value + 1 WHERE name = 'fence' RETURNING value AS fence";

const dialect: Dialect = {
  name: "sqlite",
  exists: "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
  own: [
    [
      "CREATE TABLE @meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
      "INSERT INTO @meta (name, value) VALUES ('fence', 0)",
      `CREATE TABLE @receipts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        entry TEXT NOT NULL,
        principal TEXT,
        at BIGINT NOT NULL,
        state TEXT NOT NULL,
        outcome TEXT,
        done_by TEXT,
        fence BIGINT,
        reason TEXT
      )`,
      "CREATE INDEX receipts_entry ON @receipts (entry, seq)",
      "CREATE INDEX receipts_at ON @receipts (at)",
    ],
  ],
};

export async function sqliteEngine(location: string): Promise<Engine> {
  const Open = await loadSqlite();
  const inMemory = location === ":memory:";
  const path = inMemory ? location : reserve(location);
  // Noted before SQLite opens the file, so that a file that replaces it in between is noticed.
  const files = inMemory ? undefined : new OpenFiles(path);
  return await whenFree(() => {
    const database = new Open(path);
    try {
      database.exec(`PRAGMA busy_timeout = ${busyMs}`);
      database.exec("PRAGMA journal_mode = WAL");
      database.exec("PRAGMA synchronous = FULL");
      return new SqliteEngine(database, files && { path, keyPath: `${resolve(location)}.key`, files });
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

interface OnDisk {
  readonly path: string;
  /** Beside the location as it was given, which may be a link. */
  readonly keyPath: string;
  readonly files: OpenFiles;
}

class SqliteEngine implements Engine {
  readonly dialect = dialect;
  readonly #database: Database;
  readonly #disk: OnDisk | undefined;
  readonly #statements = new Map<string, ReturnType<Database["prepare"]>>();
  readonly #changes: SqliteChanges;
  #closed = false;

  constructor(database: Database, disk: OnDisk | undefined) {
    this.#database = database;
    this.#disk = disk;
    this.#changes = new SqliteChanges(() => this.#all("PRAGMA data_version", [])[0]?.data_version, disk?.path);
  }

  async transact<T>(name: string, rule: () => Rule<T>): Promise<T> {
    fault(`${name}:before`);
    const result = await whenFree(() => {
      this.#refuseClosed();
      this.#disk?.files.check();
      const result = this.#locked(() => {
        const result = drive(rule(), this.#ask);
        fault(`${name}:written`);
        return result;
      });
      this.#disk?.files.check();
      return result;
    });
    fault(`${name}:committed`);
    this.#changes.wake();
    return result;
  }

  async read<T>(rule: () => Rule<T>): Promise<T> {
    return await whenFree(() => {
      this.#refuseClosed();
      const result = drive(rule(), this.#ask);
      this.#disk?.files.check();
      return result;
    });
  }

  /** Runs a function with the write lock, which one connection has at a time. */
  #locked<T>(run: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = run();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  readonly #ask = (question: Question): readonly Row[] => {
    if ("notify" in question) return [];
    if ("lock" in question) {
      const [fence = {}] = question.draw === undefined ? [] : this.#all(draw, []);
      return this.#all(`SELECT ${clock} AS now`, []).map((row) => ({ ...row, ...fence }));
    }
    if ("draw" in question) return this.#all(draw, []);
    const found = this.#all(question.sql, question.params);
    for (const { sql, params } of found.flatMap(() => question.each ?? [])) this.#all(sql, params);
    return found;
  };

  #all(sql: string, params: readonly (string | number | null)[]): readonly Row[] {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(translate(sql));
      this.#statements.set(sql, statement);
    }
    return statement.all(...params).filter(isRow);
  }

  #rollback(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself; the caller gets the error that made it do so.
    }
  }

  #refuseClosed(): void {
    if (this.#closed) throw new LedgerError("UNAVAILABLE", "the ledger is closed");
  }

  listen(wake: () => void): () => void {
    return this.#changes.listen(wake);
  }

  async defaultKey(make: boolean): Promise<Uint8Array | undefined> {
    if (this.#disk === undefined) return randomBytes(32);
    const { keyPath } = this.#disk;
    return readKeyFile(keyPath) ?? (make ? await whenFree(() => this.#locked(() => makeKeyFile(keyPath))) : undefined);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#changes.close();
    this.#statements.clear();
    this.#database.close();
  }
}

const isRow = (value: unknown): value is Row => typeof value === "object" && value !== null;

const translate = (sql: string): string =>
  sql
    .replaceAll("{now}", clock)
    .replaceAll("{each}", "WHERE true")
    .replace(/@(\w+)/g, "$1");

const busy = 5;

/** Runs a function, and runs it again while another process has the write lock. The pauses leave the event loop free. */
async function whenFree<T>(run: () => T): Promise<T> {
  let end: number | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return run();
    } catch (error) {
      if (error instanceof LatchkeyError || error instanceof TypeError) throw error;
      if (!isBusy(error)) throw databaseError("SQLite", error);
      end ??= performance.now() + patienceMs;
      if (performance.now() > end) throw new LedgerError("UNAVAILABLE", "another process holds the ledger", error);
      await new Promise((resume) => setTimeout(resume, pauseMs * (0.5 + Math.random())));
    }
  }
}

const isBusy = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "errcode" in error &&
  typeof error.errcode === "number" &&
  (error.errcode & 0xff) === busy;
