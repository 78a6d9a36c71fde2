import { LedgerError } from "../base/errors.js";
import type { Claim } from "../ledger/index.js";

/** The request of a claim as a command gets it: what `pendingRequest` wrote down, with its secrets in their places. */
export async function requestJson(claim: Claim): Promise<Record<string, unknown>> {
  const { wholeData } = await import("../pending/index.js");
  const request = await claim.request();
  const { secrets: _, data: __, ...fields } = request;
  const { id, intent, credential, createdAt } = claim.entry;
  return { id, ...fields, data: wholeData(request), intent, credential, createdAt, fence: claim.fence };
}

export const defaultLeaseMs = 60_000;

/**
 * Does a piece of work under a claim and keeps its lease alive meanwhile. The work is aborted when the lease is lost, or when
 * nobody waits for the answer any more; the claim's fence keeps it from writing in either case.
 */
export async function withLease<T>(
  claim: Claim,
  { leaseMs, signal: stopped }: { leaseMs: number; signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const signal = AbortSignal.any([stopped, ended.signal]);
  let extending = Promise.resolve();
  let sureUntil = performance.now() + leaseMs;
  const extend = async (): Promise<void> => {
    try {
      await claim.extend();
      sureUntil = performance.now() + leaseMs;
      if (claim.entries.length === 0) ended.abort(new NobodyWaits());
    } catch (error) {
      // A store that is away for a moment has not given the claim to anybody else yet.
      if (error instanceof LedgerError && error.code === "UNAVAILABLE" && performance.now() < sureUntil) return;
      ended.abort(error);
    }
  };
  // By this machine's clock only in length: when the lease ends is the database's affair.
  const timer = setInterval(() => {
    extending = extending.then(extend);
  }, leaseMs / 3);
  try {
    return await work(signal);
  } finally {
    clearInterval(timer);
    await extending;
  }
}

/** Every request that waited for the answer has ended. */
export class NobodyWaits extends Error {
  constructor() {
    super("nobody waits for it any more");
  }
}
