import { findEntry, shortId } from "../entries.js";
import { type Io, print, printJson } from "../io.js";
import { reachLedger } from "../reach.js";

export async function cancel(
  id: string,
  given: {
    ledger?: string | undefined;
    json?: boolean | undefined;
    reason?: string | undefined;
    by?: string | undefined;
    force?: boolean | undefined;
  },
  io: Io,
): Promise<undefined> {
  await using ledger = await reachLedger(given.ledger);
  const { id: whole } = await findEntry(ledger, id);
  const by = given.by ?? `latchkey cancel ${process.pid}`;
  const entry = await ledger.cancel(whole, { by, reason: given.reason, force: given.force });
  if (given.json) await printJson(io.out, entry);
  else await print(io.out, `${shortId(entry.id)} ${entry.state}`);
}
