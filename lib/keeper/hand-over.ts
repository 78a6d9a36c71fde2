import { RpcError } from "../base/errors.js";
import { fault } from "../base/fault.js";
import { traced } from "../base/tracing.js";
import type { Delivery, Entry } from "../ledger/index.js";
import { tracedEntry } from "../ledger/internal.js";
import { sendAnswer } from "../pending/internal.js";
import { evidence } from "./evidence.js";
import { persist } from "./persist.js";
import type { LedgerRpc } from "./rpc.js";

export interface HandOverOptions {
  readonly leaseMs: number;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly complain: (error: unknown) => void;
}

/** How often the lease is extended while the reply is on its way. */
const extensionsPerLease = 3;

/** Gives one answer to the runtime and writes the reply down. The entry is `sent` already; it stays so when no reply comes. */
export function handOver(rpc: LedgerRpc, delivery: Delivery, options: HandOverOptions): Promise<Entry> {
  const { entry, fence, inDoubt } = delivery;
  return traced(
    "deliver",
    () => ({ ...tracedEntry(entry), fence, inDoubt }),
    () => give(rpc, delivery, options),
    ({ state, outcome }) => ({ state, ...(outcome !== undefined && { outcome }) }),
  );
}

async function give(rpc: LedgerRpc, delivery: Delivery, options: HandOverOptions): Promise<Entry> {
  const { leaseMs, patienceMs, signal, complain } = options;
  const extending = setInterval(() => void delivery.extend().catch(complain), leaseMs / extensionsPerLease);
  try {
    const reply = await send(rpc, delivery, options);
    fault("deliver:replied");
    return await persist(() => delivery.settle(reply), { signal, complain, patienceMs });
  } finally {
    clearInterval(extending);
  }
}

async function send(rpc: LedgerRpc, { entry, answer }: Delivery, { signal, complain }: HandOverOptions) {
  fault("deliver:marked");
  try {
    const { accepted } = await sendAnswer(rpc, entry, answer, { signal });
    if (accepted) return { accepted };
    const { completed } = await evidence(rpc.session(entry.sessionId), entry, signal);
    return { accepted, completed };
  } catch (error) {
    // The runtime did reply. Any other failure leaves the entry in doubt.
    if (!(error instanceof RpcError)) throw error;
    if (!isUnloaded(error)) complain(error);
    return { accepted: false, reason: reasonOf(error) };
  }
}

export const isUnloaded = (error: unknown): boolean => error instanceof RpcError && error.code === "SESSION_NOT_FOUND";

/** A receipt is kept. The runtime's own words may quote the answer, so they are in the `error` event alone. */
const reasonOf = (error: RpcError): string =>
  isUnloaded(error) ? "the session was unloaded" : `the runtime answered with the error ${error.rpcCode}`;
