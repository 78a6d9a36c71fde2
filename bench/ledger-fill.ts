import postgres from "postgres";

/** Puts settled entries into a ledger by the thousand, which nobody could wait for one by one. */
export interface Fill {
  /** So many copies of the ledger's own first settled entry, with their receipts. */
  settled(count: number): Promise<void>;
  /** Makes so many of them two hours old. */
  age(count: number): Promise<void>;
  /** Bytes on disk. */
  size(): Promise<number>;
}

const columns =
  "kind, received_at, data, sealed, state, outcome, account, delivery_fence, delivery_until, completed_at, created_at, updated_at, over_at";
const own = `SELECT * FROM entries WHERE state = 'settled' AND id NOT LIKE 'copy%' LIMIT 1`;
const perSession = 10;

export function fillSqlite(location: string, size: () => Promise<number>): Fill {
  let made = 0;
  const run = async (sql: string): Promise<void> => {
    const { DatabaseSync } = await import("@photostructure/sqlite");
    const database = new DatabaseSync(location);
    database.exec(`PRAGMA busy_timeout = 10000; PRAGMA synchronous = OFF; ${sql}; PRAGMA wal_checkpoint(TRUNCATE)`);
    database.close();
  };
  return {
    size,
    async settled(count) {
      const n = `WITH RECURSIVE n(i) AS (SELECT ${made + 1} UNION ALL SELECT i + 1 FROM n WHERE i < ${made + count})`;
      made += count;
      await run(copies(n, "n", "'copy' || hex(randomblob(16))", "hex(randomblob(32))", "i"));
    },
    age: (count) => run(aged(count)),
  };
}

export function fillPostgres(location: string): Fill {
  let made = 0;
  const url = new URL(location);
  const schema = url.searchParams.get("schema") ?? "latchkey";
  url.searchParams.delete("schema");
  const run = async <T extends postgres.MaybeRow[]>(sql: string): Promise<T> => {
    const client = postgres(url.href, { max: 1, connection: { search_path: schema, synchronous_commit: false } });
    try {
      return await client.unsafe<T>(sql);
    } finally {
      await client.end();
    }
  };
  return {
    async settled(count) {
      const series = `generate_series(${made + 1}, ${made + count}) AS n(i)`;
      made += count;
      const seq = `nextval('${schema}.places')`;
      await run("ALTER TABLE receipts DISABLE TRIGGER number_receipt");
      await run(copies("", series, "'copy' || gen_random_uuid()", "md5(random()::text) || md5(random()::text)", seq));
      await run("ALTER TABLE receipts ENABLE TRIGGER number_receipt; ANALYZE entries; ANALYZE receipts");
    },
    async age(count) {
      await run(aged(count));
    },
    async size() {
      const [row] = await run<{ bytes: string }[]>(
        `SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r'`,
      );
      return Number(row?.bytes);
    },
  };
}

const copies = (prefix: string, series: string, id: string, hash: string, seq: string): string => `
  INSERT INTO entries (id, session_id, request_id, principal, intent, credential, answer, ${columns})
  ${prefix} SELECT ${id}, 'session ' || (n.i / ${perSession}), 'copy ' || n.i, 'p' || n.i, ${hash}, ${hash}, 'none', ${columns}
  FROM ${series}, (${own}) AS t;
  INSERT INTO receipts (${seq === "i" ? "" : "seq, "}entry, principal, at, state, outcome, done_by, fence)
  SELECT ${seq === "i" ? "" : `${seq}, `}e.id, e.principal, e.created_at, s.state, NULL, 'bench', 1 FROM entries e,
    (SELECT 'open' AS state UNION ALL SELECT 'answered' UNION ALL SELECT 'sent' UNION ALL SELECT 'settled') AS s
  WHERE e.id LIKE 'copy%' AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.entry = e.id)`;

const aged = (count: number): string => `
  CREATE TEMPORARY TABLE old AS SELECT id FROM entries WHERE id LIKE 'copy%' LIMIT ${count};
  UPDATE receipts SET at = at - 7200000 WHERE entry IN (SELECT id FROM old);
  UPDATE entries SET over_at = over_at - 7200000 WHERE id IN (SELECT id FROM old)`;
