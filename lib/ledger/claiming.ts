import { setImmediate as turn } from "node:timers/promises";
import { spanOf, waitOf } from "../base/amounts.js";
import type { LedgerAccess } from "./access.js";
import { type Changes, longestWaitMs } from "./changes.js";
import type { ClaimOptions, Filter } from "./contract.js";
import { HeldClaim } from "./held-claim.js";
import * as claims from "./rules/claim.js";
import type { Scoped } from "./rules/find.js";
import { proveEntries } from "./unseal.js";

/** A lease of a claim, unless `leaseMs` says otherwise. */
const defaultLeaseMs = 60_000;

/** Claims at once, or waits until it can: for a change, or for the end of the lease that is in the way. */
export async function claimWhenFree(
  ledger: LedgerAccess & { readonly changes: Changes },
  filter: Scoped<Filter>,
  { owner, leaseMs = defaultLeaseMs, waitMs, signal }: ClaimOptions,
): Promise<HeldClaim | undefined> {
  if (typeof owner !== "string" || owner === "") throw new TypeError('"owner" must say who claims');
  const lease = { owner, leaseMs: spanOf(leaseMs, "leaseMs") };
  const defaultMs = signal === undefined ? 0 : Number.POSITIVE_INFINITY;
  const limitMs = waitMs === undefined ? defaultMs : waitOf(waitMs, "waitMs");
  const deadline = performance.now() + limitMs;
  const stop = limitMs > 0 ? ledger.changes.use() : undefined;
  try {
    for (;;) {
      const seen = ledger.changes.count;
      const claimed = await claimNow(ledger, filter, lease, signal);
      if (claimed !== undefined) return await hold(ledger, { ...claimed, ...lease });
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return undefined;
      const claimableMs = (await ledger.engine.read(() => claims.untilClaimable(filter))) ?? longestWaitMs;
      await ledger.changes.after(seen, Math.min(leftMs, Math.max(claimableMs, 1), longestWaitMs), signal);
    }
  } finally {
    stop?.();
  }
}

async function claimNow(
  ledger: LedgerAccess,
  filter: Scoped<Filter>,
  lease: claims.Lease,
  signal: AbortSignal | undefined,
): Promise<claims.Claimed | undefined> {
  for (;;) {
    signal?.throwIfAborted();
    const found = await ledger.engine.read(() => claims.candidate(filter));
    if (found === undefined) return undefined;
    const claimed = await ledger.write("claim", () => claims.claim(found, lease));
    if (claimed !== undefined) return claimed;
    // Somebody else was faster. SQLite answers without a turn of the event loop, so the rest of the process gets one here.
    await turn();
  }
}

async function hold(ledger: LedgerAccess, claimed: claims.Claimed & claims.Lease): Promise<HeldClaim> {
  try {
    await proveEntries(ledger.keyring, claimed.entries);
    return new HeldClaim(ledger, claimed);
  } catch (error) {
    await ledger.write("release", () => claims.release(claimed.credential, claimed.fence));
    throw error;
  }
}
