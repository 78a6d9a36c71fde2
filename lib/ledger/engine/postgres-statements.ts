import type { Question, Statement, Taking, Value } from "./engine.js";
import { lockNumber } from "./postgres-schema.js";

/** SQL as PostgreSQL gets it. What defines tables has no parameters and is never prepared. */
export interface Sent extends Statement {
  readonly kept: boolean;
}

const clock = (at: string): string => `floor(extract(epoch FROM ${at}) * 1000)::bigint`;

/** Translates what rules ask. Each text is made once, and so is one statement that a connection keeps prepared. */
export class Statements {
  readonly #schema: string;
  readonly #texts = new Map<string, string>();

  constructor(schema: string) {
    this.#schema = schema;
  }

  of(question: Question): Sent {
    if ("notify" in question) return kept("SELECT pg_notify($1, '')", [this.#schema]);
    if ("lock" in question) return kept(this.#lock(question, "$1"), [this.#numbers(question.lock)]);
    if ("draw" in question) return kept(`SELECT ${this.#draw}`, []);
    const { sql, params, each = [] } = question;
    if (params.length === 0 && isDefinition(sql)) return { sql: this.#text([sql]), params, kept: false };
    return kept(this.#text([sql, ...each.map((one) => one.sql)]), [...params, ...each.flatMap((one) => one.params)]);
  }

  /** A lock as text without parameters, to travel with BEGIN. */
  lockText(taken: Taking): string {
    const [name, ...more] = [taken.lock].flat();
    if (name === undefined || more.length > 0) return this.#lock(taken, `'${this.#numbers(taken.lock)}'`);
    // Its plan is made anew each time. From left to right: the time is the one after the lock.
    return `SELECT pg_advisory_xact_lock(${lockNumber(`${this.#schema}/${name}`)}), ${this.#after(taken)}`;
  }

  /** Locks are taken in one order everywhere, so that no two transactions wait for each other. */
  #lock(taken: Taking, numbers: string): string {
    const locks = `SELECT count(pg_advisory_xact_lock(k)) FROM (SELECT unnest(${numbers}::bigint[]) AS k ORDER BY 1) AS names`;
    return `SELECT (${locks}), ${this.#after(taken)}`;
  }

  #after({ draw }: Taking): string {
    return `${clock("clock_timestamp()")} AS now${draw === undefined ? "" : `, ${this.#draw}`}`;
  }

  #numbers(names: string | readonly string[]): string {
    return `{${[names].flat().map((name) => lockNumber(`${this.#schema}/${name}`))}}`;
  }

  get #draw(): string {
    return `nextval('"${this.#schema}".fences') AS fence`;
  }

  #text(parts: readonly string[]): string {
    const common = parts.length === 1 ? (parts[0] ?? "") : parts.join(";");
    const known = this.#texts.get(common);
    if (known !== undefined) return known;
    let count = 0;
    const text = whole(parts)
      .replaceAll("{now}", clock("statement_timestamp()"))
      .replace(/@(\w+)/g, `"${this.#schema}".$1`)
      .replace(/\?/g, () => `$${++count}`);
    this.#texts.set(common, text);
    return text;
  }
}

const kept = (sql: string, params: readonly Value[]): Sent => ({ sql, params, kept: true });

const isDefinition = (sql: string): boolean => /^(CREATE|ALTER) /.test(sql);

/** A statement and what is done for each of its rows are one statement: either all of it happens or nothing. */
function whole([sql = "", ...each]: readonly string[]): string {
  if (each.length === 0) return sql;
  const more = each.map((text, i) => `each_${i} AS (${text.replaceAll("{each}", "FROM done")})`);
  return `WITH ${[`done AS (${sql})`, ...more].join(", ")} SELECT * FROM done`;
}
