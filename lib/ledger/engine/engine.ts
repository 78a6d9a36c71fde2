/**
 * What the rules ask of a database. A rule is a generator: it yields one step after another and gets the rows back,
 * so the same rule runs synchronously inside an SQLite transaction and asynchronously inside a PostgreSQL one.
 *
 * Each step that is waited for is a round trip. So a rule asks together what it can, does not wait for rows that it does not read, and
 * says which step is its last: the transaction ends along with that one. The first step of a rule that writes is a lock or a reading: only
 * its reply may tell the engine that the transaction has begun.
 *
 * Both engines run the same SQL, with three marks that the engine replaces: `@name` is a table, `{now}`
 * the database's clock in milliseconds, `{each}` stands in `each` only. Parameters are `?`.
 */
export type Value = string | number | null;
/** A row of a result, by column name. */
export type Row = Readonly<Record<string, unknown>>;

/** An SQL statement and its parameters. */
export interface Statement {
  /** Its text, tables as `@name` and parameters as `?`. */
  readonly sql: string;
  /** One for each `?`, in order. */
  readonly params: readonly Value[];
}

/**
 * Takes a lock of this name, or of each, until the transaction ends. Returns the time after it was taken as `now`, and with `draw` a `fence`
 * that was drawn after that.
 */
export interface Taking {
  /** Its name, or several. */
  readonly lock: string | readonly string[];
  /** Also draws a fence. */
  readonly draw?: "fence";
}

/** One thing that a rule asks of the database. */
export type Question =
  /** `each` is run once for every row that `sql` returns: each an `INSERT … SELECT` of values, with `{each}` in the place of its source. */
  | (Statement & { readonly each?: readonly Statement[] })
  | Taking
  /** Returns a number that is higher than every number drawn before. */
  | { readonly draw: "fence" }
  /** Wakes waiters in other processes once the transaction is committed. */
  | { readonly notify: true };

/** One step of a rule. */
export type Step =
  | Question
  /** Asked in this order, waited for together. After the `last` step a rule yields and throws nothing more. */
  | { readonly together: readonly Question[]; readonly last?: boolean }
  /** Asked in its turn, and not waited for: there are no rows. Its error undoes the transaction. */
  | { readonly later: Question };

/** The rows of each question of a step. */
export type Replies = readonly (readonly Row[])[];

/** A rule: it yields steps, is handed rows, and returns its result. */
export type Rule<T> = Generator<Step, T, Replies>;

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

export const query = (sql: string, ...params: Value[]): Statement => ({ sql, params });

export function* rows(sql: string, ...params: Value[]): Rule<readonly Row[]> {
  const [found = []] = yield { sql, params };
  return found;
}

export function* first(sql: string, ...params: Value[]): Rule<Row | undefined> {
  return (yield* rows(sql, ...params))[0];
}

/** The rows of each question, in their order. */
export function* together(...questions: readonly Question[]): Rule<Replies> {
  return yield { together: questions };
}

/** As `together`, and the end of the transaction: it is committed when the rows come. */
export function* last(...questions: readonly Question[]): Rule<Replies> {
  return yield { together: questions, last: true };
}

/** Writes without waiting. */
export function* later(...questions: readonly Question[]): Rule<void> {
  for (const question of questions) yield { later: question };
}

/** Takes locks and returns the database's time after that. */
export function* lock(...names: readonly string[]): Rule<number> {
  return (yield* underLock({ lock: names })).now;
}

/** What is known once a lock was taken: the time, a fence where one was drawn, and the rows of what was asked along with it. */
export interface Locked {
  readonly now: number;
  readonly fence: number;
  readonly replies: Replies;
}

/** Takes a lock and asks under it, in one step. */
export function* underLock(taken: Taking, ...questions: readonly Question[]): Rule<Locked> {
  const [[row] = [], ...replies] = yield* together(taken, ...questions);
  return { now: number(row?.now), fence: taken.draw === undefined ? 0 : number(row?.fence), replies };
}

export function* drawFence(): Rule<number> {
  const [[row] = []] = yield { draw: "fence" };
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

/** What a step asks, in order. */
export function questionsOf(step: Step): readonly Question[] {
  if ("together" in step) return step.together;
  return ["later" in step ? step.later : step];
}

export const isLast = (step: Step): boolean => "last" in step && step.last === true;

export const afterLast = (): Error => new Error("a rule went on after its last step");

/** Runs a rule against a database that answers at once. */
export function drive<T>(rule: Rule<T>, ask: (question: Question) => readonly Row[]): T {
  let next = rule.next();
  for (let ended = false; !next.done; ) {
    if (ended) throw afterLast();
    ended = isLast(next.value);
    const replies = questionsOf(next.value).map(ask);
    next = rule.next("later" in next.value ? [] : replies);
  }
  return next.value;
}
