/** Removes what is over, in small portions, so that it does not hold up the writers. */
import { ageOf } from "../base/amounts.js";
import { LedgerError } from "../base/errors.js";
import type { LedgerAccess } from "./access.js";
import type { PruneOptions } from "./contract.js";
import { type Row, text, textOr } from "./engine/engine.js";
import { openGrant } from "./grant-rows.js";
import { forgetKnown } from "./rules/grant.js";
import * as grants from "./rules/grants.js";
import { prune as pruneEntries } from "./rules/prune.js";
import { grantPlace } from "./seal/place.js";

/** How many entries, and four times as many receipts, one transaction deletes. */
const portion = 500;

export async function prune(
  ledger: LedgerAccess,
  options: PruneOptions,
): Promise<{ entries: number; receipts: number }> {
  ageOf(options.entriesMs, "entriesMs");
  if (options.receiptsMs !== undefined) ageOf(options.receiptsMs, "receiptsMs");
  if (options.grantsMs !== undefined) ageOf(options.grantsMs, "grantsMs");
  await pruneGrants(ledger, options);
  await resealGrants(ledger);
  const removed = { entries: 0, receipts: 0 };
  for (let more = true; more; ) {
    const round = await ledger.write("prune", () => pruneEntries(options, portion));
    removed.entries += round.entries;
    removed.receipts += round.receipts;
    more = round.entries + round.receipts > 0;
  }
  return removed;
}

async function pruneGrants(ledger: LedgerAccess, options: PruneOptions): Promise<void> {
  const only = ledger.keyring.principal;
  const reason = "nothing has happened to it for long";
  for (let more = true; more; ) {
    const { stale, empty } = await ledger.engine.read(() => grants.staleGrants(options, only, portion));
    for (const id of stale) {
      await ledger.write("forget", () => forgetKnown(id, only, { reason })).catch(refuseOther);
    }
    for (const id of empty) await ledger.write("prune", () => grants.deleteEmpty(id));
    more = stale.length + empty.length >= portion;
  }
  while ((await ledger.write("prune", () => grants.deleteTickets(options.entriesMs, portion))) >= portion);
}

/** Somebody took it, or removed it, since the look. */
function refuseOther(error: unknown): void {
  if (error instanceof LedgerError && (error.code === "CLAIMED" || error.code === "UNKNOWN_GRANT")) return;
  throw error;
}

/** A grant is kept for long: with a new key in front, what the old one sealed is sealed anew, so that the old one can go. */
async function resealGrants(ledger: LedgerAccess): Promise<void> {
  const { engine, keyring } = ledger;
  if (keyring.count < 2) return;
  for (let after = "", found: readonly Row[]; ; after = text(found.at(-1)?.id)) {
    const from = after;
    found = await engine.read(() => grants.sealedGrants(from, portion));
    for (const row of found) {
      const whose = textOr(row.principal);
      if (keyring.principal !== undefined && whose !== keyring.principal) continue;
      if (keyring.isCurrent(whose, text(row.sealed))) continue;
      const sealed = await keyring.seal(grantPlace(row), await openGrant(keyring, row));
      await ledger.write("reseal", () => grants.resealGrant(row, sealed));
    }
    if (found.length < portion) return;
  }
}
