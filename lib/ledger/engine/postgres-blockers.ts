import type postgres from "postgres";

/** Sessions of other roles that hold a lock which one of our role's sessions waits for, each with the transaction it is in. */
const blocking = `SELECT DISTINCT b.pid, l.virtualtransaction AS transaction
  FROM pg_catalog.pg_stat_activity a
  CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(a.pid)) AS b(pid)
  JOIN pg_catalog.pg_locks l ON l.pid = b.pid
  JOIN pg_catalog.pg_stat_activity s ON s.pid = b.pid
  JOIN pg_catalog.pg_roles r ON r.oid = s.usesysid
  WHERE a.usename = session_user AND a.datname = current_database() AND a.wait_event_type = 'Lock'
    AND s.usename <> session_user AND NOT r.rolsuper`;

/**
 * Locks are open to every role that may use the database: a broker's can take those of the keeper, by its number or by a row,
 * and keep them. No honest transaction takes seconds, so one that stands in our way for longer is ended, where our role may:
 * as a superuser, a member of the other role, or of `pg_signal_backend`. Ours is the next one in the queue then.
 */
export class Blockers {
  #seen = new Map<string, number>();
  #looking = false;

  /** Ends what stood in our way at an earlier look, at least `ms` ago, and still does in the same transaction. */
  async look(sql: postgres.Sql, ms: number): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const found = await sql.unsafe<{ pid: number; transaction: string }[]>(blocking);
      const seen = new Map<string, number>();
      for (const { pid, transaction } of found) {
        const name = `${pid} ${transaction}`;
        const since = this.#seen.get(name) ?? performance.now();
        seen.set(name, since);
        // Without the right to it the lock's own time limit has to do.
        if (performance.now() - since >= ms * 0.9)
          await sql.unsafe(`SELECT pg_terminate_backend(${Number(pid)})`).catch(() => undefined);
      }
      this.#seen = seen;
    } finally {
      this.#looking = false;
    }
  }
}
