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

/** A value as somebody who knows the format seals it with the key that they have; without `covers`, as format 1 did. */
export async function sealedBy(
  key: Uint8Array,
  { for: name, covers }: { readonly for: string; readonly covers?: readonly unknown[] },
  value: unknown,
): Promise<string> {
  const bind = covers && createHash("sha256").update(JSON.stringify(covers)).digest("base64url");
  return await new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: kidOf(key), for: name, ...(bind && { bind }) })
    .encrypt(key);
}

export const headerOf = (sealed: string) => JSON.parse(Buffer.from(sealed.split(".")[0] ?? "", "base64url").toString());

/** An answer that is sealed so. */
export async function forgedAnswer(
  key: string,
  row: { credential: string; principal: string | null; shared?: number },
  value: object,
): Promise<{ id: string; sealed: string }> {
  const id = randomUUID();
  const place = { for: `answer/${row.credential}/${id}`, covers: [row.principal, row.shared ?? 1, null] };
  return { id, sealed: await sealedBy(Buffer.from(key, "base64url"), place, value) };
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
