/** Backup and restore of a PostgreSQL ledger by `pg_dump`, as docs/operating.md says. The dump's program is no older than the server. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { restores } from "../support/ledger/restore.js";
import { suite } from "../support/suite.js";

const test = suite("a PostgreSQL ledger that was restored");
const name = "gives no answer twice, and forgets nothing that waits";
const options = { timeoutMs: 60_000 };

/** Where Debian puts the programs of a whole server: the one from npm brings no `pg_dump`. */
function programs(): string | undefined {
  const base = "/usr/lib/postgresql";
  const versions = existsSync(base) ? readdirSync(base).map((version) => join(base, version, "bin")) : [];
  return versions.find((bin) =>
    ["initdb", "postgres", "pg_dump", "pg_restore"].every((each) => existsSync(join(bin, each))),
  );
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw error ?? new Error(`${program} ended with ${status}: ${stderr}`);
}

async function body(bin: string): Promise<void> {
  await using server = await startPostgres({ programs: bin });
  const dir = await mkdtemp(join(tmpdir(), "latchkey-backup-"));
  try {
    await restores(`${server.url("postgres")}?schema=team`, async () => {
      const file = join(dir, "team.dump");
      run(join(bin, "pg_dump"), ["--format=custom", "--schema=team", `--file=${file}`, server.url("postgres")]);
      return async () => {
        run(join(bin, "psql"), ["--quiet", "--command=CREATE DATABASE restored", server.url("postgres")]);
        run(join(bin, "pg_restore"), ["--exit-on-error", `--dbname=${server.url("restored")}`, file]);
        return `${server.url("restored")}?schema=team`;
      };
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const bin = programs();
if (bin === undefined) test.skip(name, "there is no PostgreSQL of Debian's with pg_dump", () => undefined, options);
else test(name, () => body(bin), options);
