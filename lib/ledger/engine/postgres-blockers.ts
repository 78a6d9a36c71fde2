import type postgres from "postgres";

/** Sessions of other roles that hold a lock for which a session of our role waits, each with its transaction. */
const blocking = `SELECT DISTINCT b.pid, l.virtualtransaction AS transaction
  FROM pg_catalog.pg_stat_activity a
  CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(a.pid)) AS b(pid)
  JOIN pg_catalog.pg_locks l ON l.pid = b.pid
  JOIN pg_catalog.pg_stat_activity s ON s.pid = b.pid
  JOIN pg_catalog.pg_roles r ON r.oid = s.usesysid
  WHERE a.usename = session_user AND a.datname = current_database() AND a.wait_event_type = 'Lock'
    AND s.usename <> session_user AND NOT r.rolsuper`;

/**
 * Every role that may use the database can take locks. A broker's role can take the keeper's, by their number or on a row, and keep
 * them. No transaction of latchkey takes seconds. So one that blocks ours for longer is ended, if our role has the right to: as a superuser,
 * as a member of the other role, or as a member of `pg_signal_backend`.
 */
export class Blockers {
  #seen = new Map<string, number>();
  #looking = false;

  /** Ends transactions that blocked ours at an earlier look, at least `ms` ago, and still do. */
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
        // Without the right to do so, the lock's own time limit ends the wait.
        if (performance.now() - since >= ms * 0.9)
          await sql.unsafe(`SELECT pg_terminate_backend(${Number(pid)})`).catch(() => undefined);
      }
      this.#seen = seen;
    } finally {
      this.#looking = false;
    }
  }
}
