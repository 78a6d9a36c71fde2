import { traceparentOf } from "../base/trace.js";
import type { TraceAbout, TracedEntry, TraceResults } from "../base/tracing.js";
import type { PendingRequest } from "../pending/index.js";
import { tracedRequest } from "../pending/internal.js";
import type { Claim, Entry, RecordOptions } from "./contract.js";

/** Of a request that is to be recorded, what a trace may say. */
export const tracedRecord = (request: PendingRequest, { traceparent }: RecordOptions): TraceAbout["record"] => ({
  ...tracedRequest(request),
  ...(traceparent !== undefined && { traceparent: traceparentOf(traceparent) }),
});

/** Of an entry, what a trace may say: ids and names. */
export const tracedEntry = (entry: Entry): TracedEntry => ({
  id: entry.id,
  ...tracedRequest(entry),
  ...(entry.traceparent !== undefined && { traceparent: entry.traceparent }),
});

export const tracedClaim = (claim: Claim): NonNullable<TraceResults["claim"]> => ({
  ...tracedEntry(claim.entry),
  fence: claim.fence,
  entries: claim.entries.length,
});
