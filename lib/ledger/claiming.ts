import { setImmediate as turn } from "node:timers/promises";
import { spanOf, waitOf } from "../base/amounts.js";
import { traced } from "../base/tracing.js";
import type { LedgerAccess } from "./access.js";
import type { ClaimFilter, ClaimOptions } from "./contract.js";
import { HeldClaim } from "./held-claim.js";
import * as claims from "./rules/claim.js";
import type { Scoped } from "./rules/find.js";
import { checkTag, tagged } from "./tags.js";
import { tracedClaim } from "./traced.js";
import { proveEntries } from "./unseal.js";
import { type Attempt, whenFree } from "./waiting.js";

/** A lease of a claim, unless `leaseMs` says otherwise. */
const defaultLeaseMs = 60_000;

/** Claims at once, or waits until it can: for a change, or for the end of the lease that is in the way. */
export async function claimWhenFree(
  ledger: LedgerAccess,
  { tag, ...filter }: Scoped<ClaimFilter>,
  { owner, leaseMs = defaultLeaseMs, waitMs, signal }: ClaimOptions,
): Promise<HeldClaim | undefined> {
  if (typeof owner !== "string" || owner === "") throw new TypeError('"owner" must say who claims');
  const lease = { owner, leaseMs: spanOf(leaseMs, "leaseMs") };
  const defaultMs = signal === undefined ? 0 : Number.POSITIVE_INFINITY;
  const limitMs = waitMs === undefined ? defaultMs : waitOf(waitMs, "waitMs");
  if (tag !== undefined) checkTag(tag);
  const attempt = async (): Promise<Attempt<HeldClaim>> => {
    const claimable = tag === undefined ? filter : { ...filter, tagged: await tagged(ledger, tag) };
    const claim = await claimOnce(ledger, claimable, lease, signal);
    if (claim !== undefined) return { done: claim };
    return { leftMs: () => ledger.engine.read(() => claims.untilClaimable(claimable)) };
  };
  return await whenFree(ledger.changes, { waitMs: limitMs, signal }, attempt);
}

function claimOnce(
  ledger: LedgerAccess,
  filter: claims.Claimable,
  lease: claims.Lease,
  signal: AbortSignal | undefined,
): Promise<HeldClaim | undefined> {
  return traced(
    "claim",
    () => ({ owner: lease.owner }),
    async () => {
      const claimed = await claimNow(ledger, filter, lease, signal);
      return claimed && (await hold(ledger, { ...claimed, ...lease }));
    },
    (claim) => claim && tracedClaim(claim),
  );
}

async function claimNow(
  ledger: LedgerAccess,
  filter: claims.Claimable,
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
