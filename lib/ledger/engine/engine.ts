/**
 * What the rules ask of a database. A rule is a generator: it yields one step after another and gets the rows back,
 * so the same rule runs synchronously inside an SQLite transaction and asynchronously inside a PostgreSQL one. The first step of a rule
 * that writes is a lock or a reading: only its reply may tell the engine that the transaction has begun.
 *
 * Both engines run the same SQL, with two marks that the engine replaces: `@name` is a table, `{now}`
 * the database's clock in milliseconds. Parameters are `?`.
 */
export type Value = string | number | null;
/** A row of a result, by column name. */
export type Row = Readonly<Record<string, unknown>>;

/** One step of a rule. */
export type Step =
  | { readonly sql: string; readonly params: readonly Value[] }
  /** Takes a lock of this name until the transaction ends. Returns the time after it was taken. */
  | { readonly lock: string | readonly string[] }
  /** Returns a number that is higher than every number drawn before. */
  | { readonly draw: "fence" }
  /** Wakes waiters in other processes once the transaction is committed. */
  | { readonly notify: true };

/** A rule: it yields steps, is handed rows, and returns its result. */
export type Rule<T> = Generator<Step, T, readonly Row[]>;

/** What differs between engines in their SQL. */
export interface Dialect {
  /** Which engine it is. */
  readonly name: "sqlite" | "postgres";
  /** Gives a row when the ledger's tables are there. */
  readonly exists: string;
  /** What only this engine needs, for each format: the first list runs before the common tables of format 1 are made. */
  readonly own: readonly (readonly string[])[];
}

/** A database that a ledger runs on. */
export interface Engine {
  /** Its SQL. */
  readonly dialect: Dialect;
  /** Runs a rule as one transaction that has the right to write. `name` is for fault points only. */
  transact<T>(name: string, rule: () => Rule<T>): Promise<T>;
  /** Runs a rule that only reads. */
  read<T>(rule: () => Rule<T>): Promise<T>;
  /** Calls back after commits of this or any other process, perhaps once for several, perhaps for nothing. */
  listen(wake: () => void): () => void;
  /** The key that this database brings along, if its kind has one. `make` asks for a new one where there is none yet. */
  defaultKey(make: boolean): Promise<Uint8Array | undefined>;
  /** Closes the database. Twice is harmless. */
  close(): Promise<void>;
}

export function* rows(sql: string, ...params: Value[]): Rule<readonly Row[]> {
  return yield { sql, params };
}

export function* first(sql: string, ...params: Value[]): Rule<Row | undefined> {
  const [row] = yield { sql, params };
  return row;
}

/** Takes a lock and returns the database's time after that. */
export function* lock(name: string): Rule<number> {
  const [row] = yield { lock: name };
  return number(row?.now);
}

export function* drawFence(): Rule<number> {
  const [row] = yield { draw: "fence" };
  return number(row?.fence);
}

export function* now(): Rule<number> {
  const row = yield* first("SELECT {now} AS now");
  return number(row?.now);
}

export function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("a text column holds something else");
  return value;
}

export function number(value: unknown): number {
  const found = typeof value === "number" ? value : Number(value);
  if (value === null || !Number.isFinite(found)) throw new TypeError("a number column holds something else");
  return found;
}

export const textOr = (value: unknown): string | undefined => (value == null ? undefined : text(value));
export const numberOr = (value: unknown): number | undefined => (value == null ? undefined : number(value));

/** Runs a rule against a database that answers at once. */
export function drive<T>(rule: Rule<T>, step: (step: Step) => readonly Row[]): T {
  let next = rule.next();
  while (!next.done) next = rule.next(step(next.value));
  return next.value;
}

/** Runs a rule against a database that answers later. */
export async function driveAsync<T>(rule: Rule<T>, step: (step: Step) => Promise<readonly Row[]>): Promise<T> {
  let next = rule.next();
  while (!next.done) next = rule.next(await step(next.value));
  return next.value;
}
