/** Backup and restore of an SQLite ledger as docs/operating.md says; of a PostgreSQL one in backup-postgres.long.test.ts. */
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { sqlitePlace } from "../support/ledger/place.js";
import { raw } from "../support/ledger/raw.js";
import { restores } from "../support/ledger/restore.js";
import { suite } from "../support/suite.js";

const test = suite("an SQLite ledger that was restored");

test("gives no answer twice, and forgets nothing that waits", async () => {
  await using place = await sqlitePlace();
  await restores(await place.location(), async (location) => {
    const copy = join(place.dir, "backup.db");
    await using database = raw(location);
    await database.run("VACUUM INTO ?", copy);
    await chmod(copy, 0o600);
    return async () => copy;
  });
});
