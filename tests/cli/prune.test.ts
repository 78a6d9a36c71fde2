/** `latchkey prune`: what is over goes, what somebody waits for stays. */
import { join } from "node:path";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { latchkey, openPlace } from "../support/commands.js";
import { raw } from "../support/ledger/raw.js";
import { oauthRequest, permissionRequest } from "../support/ledger/requests.js";
import { suite } from "../support/suite.js";

const test = suite("latchkey prune");

test("deletes what has been over for so long, and receipts when told to", async () => {
  await using place = await openPlace();
  const file = join(place.state, "ledger.db");
  await using ledger = await openLedger(file);
  const [over, open, recent] = [
    await ledger.record(permissionRequest()),
    await ledger.record(oauthRequest()),
    await ledger.record(permissionRequest()),
  ];
  for (const { id } of [over, recent]) await ledger.cancel(id);
  const month = 31 * 86_400_000;
  await using database = raw(file);
  await database.run("UPDATE entries SET over_at = over_at - ? WHERE id = ?", month, over.id);
  await database.run("UPDATE entries SET created_at = created_at - ? WHERE id = ?", month, open.id);
  await database.run("UPDATE receipts SET at = at - ? WHERE entry = ?", month, over.id);
  const run = (...args: string[]) => latchkey(place, ["prune", ...args]);

  assert.is((await run("--older", "32d")).out, "deleted: 0 entries, 0 receipts\n");
  assert.is((await run("--older", "30d")).out, "deleted: 1 entries, 0 receipts\n");
  assert.equal((await ledger.list()).map(({ id }) => id).sort(), [open.id, recent.id].sort());
  const { out } = await run("--older", "30d", "--receipts", "30d", "--json");
  assert.equal(JSON.parse(out), { entries: 0, receipts: 2 });

  for (const args of [
    [],
    ["--older", "30"],
    ["--older", `${"9".repeat(20)}d`],
    ["--older", "1d", "--receipts", "soon"],
  ]) {
    const { code, err } = await run(...args);
    assert.is(code, 2, args.join(" "));
    assert.match(err, /latchkey prune --help/);
  }
  assert.is((await latchkey(place, ["prune", "--older", "1d", "--ledger", join(place.dir, "none.db")])).code, 5);
});
