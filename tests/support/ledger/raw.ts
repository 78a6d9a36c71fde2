import { createHash, createHmac, randomUUID } from "node:crypto";
import { DatabaseSync } from "@photostructure/sqlite";
import { CompactEncrypt } from "jose";
import postgres from "postgres";

/** The database of a ledger without latchkey, for those who write it without its key. */
export interface Raw extends AsyncDisposable {
  run(sql: string, ...params: readonly (string | number | null)[]): Promise<Record<string, unknown>[]>;
}

/** SQL names its tables bare and its parameters `?`. */
export function raw(location: string): Raw {
  return location.startsWith("postgres:") ? rawPostgres(location) : rawSqlite(location);
}

function rawSqlite(location: string): Raw {
  const database = new DatabaseSync(location, { timeout: 5000 });
  return {
    run: async (sql, ...params) =>
      database
        .prepare(sql)
        .all(...params)
        .map((row) => Object.fromEntries(Object.entries(row ?? {}))),
    async [Symbol.asyncDispose]() {
      database.close();
    },
  };
}

function rawPostgres(location: string): Raw {
  const url = new URL(location);
  const schema = url.searchParams.get("schema") ?? "";
  url.searchParams.delete("schema");
  const sql = postgres(url.href, { max: 1, connection: { search_path: schema }, onnotice: () => undefined });
  return {
    async run(text, ...params) {
      let n = 0;
      return [
        ...(await sql.unsafe(
          text.replace(/\?/g, () => `$${++n}`),
          [...params],
        )),
      ];
    },
    [Symbol.asyncDispose]: () => sql.end(),
  };
}

const kidOf = (key: Uint8Array): string =>
  createHmac("sha256", key).update("latchkey key id").digest("base64url").slice(0, 16);

/** An answer as somebody who knows the format makes it with the key that they have. */
export async function forgedAnswer(
  key: string,
  row: { credential: string; principal: string | null; shared?: number },
  value: object,
): Promise<{ id: string; sealed: string }> {
  const id = randomUUID();
  const bytes = Buffer.from(key, "base64url");
  const covers = JSON.stringify([row.principal, row.shared ?? 1, null]);
  const sealed = await new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader({
      alg: "dir",
      enc: "A256GCM",
      kid: kidOf(bytes),
      for: `answer/${row.credential}/${id}`,
      bind: createHash("sha256").update(covers).digest("base64url"),
    })
    .encrypt(bytes);
  return { id, sealed };
}

/** Makes the schema unreadable for every connection that is open: SQLite says that the database is corrupt, and that does not pass. */
export function spoilSchema(location: string): void {
  const database = new DatabaseSync(location, { timeout: 5000 });
  try {
    database.enableDefensive(false);
    database.exec(`PRAGMA writable_schema = ON;
      UPDATE sqlite_master SET sql = 'CREATE TABLE entries (' WHERE name = 'entries';
      PRAGMA schema_version = 1000000`);
  } finally {
    database.close();
  }
}

/** Keeps every other connection from writing until it is let go. */
export function holdWriteLock(location: string): () => void {
  const database = new DatabaseSync(location, { timeout: 5000 });
  database.exec("BEGIN IMMEDIATE");
  return () => {
    database.exec("ROLLBACK");
    database.close();
  };
}
