import type { Meter } from "@opentelemetry/api";
import type { Ledger } from "../ledger/index.js";
import { countOpen } from "../ledger/internal.js";
import { subscribe, type TraceMessage, type TraceName } from "../tracing/index.js";
import { errorType, type Operation, operationAttributes } from "./attributes.js";

const second = { unit: "s" };
/** A person may need a day. Seconds. */
const waits = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

/** Counts and measures until the function that it returns is called. */
export function measure(meter: Meter, ledger: Pick<Ledger, "list"> | undefined): () => void {
  const claims = meter.createCounter("latchkey.claims", { description: "Claims that were given." });
  const refreshes = meter.createCounter("latchkey.oauth.refreshes", { description: "Refresh tokens that were used." });
  const refusals = meter.createCounter("latchkey.refusals", { description: "Calls that were refused, or failed." });
  const wait = meter.createHistogram("latchkey.answer.wait", {
    ...second,
    description: "From the recording of an entry to its answer.",
    advice: { explicitBucketBoundaries: waits },
  });
  const duration = meter.createHistogram("messaging.client.operation.duration", {
    ...second,
    description: "Duration of an operation on the ledger.",
  });
  const began = new WeakMap<object, number>();

  const refused = (name: TraceName, message: TraceMessage<TraceName>): void => {
    const type = errorType(message);
    if (type !== undefined) refusals.add(1, { "latchkey.operation": name, "error.type": type });
  };
  const took = (name: Operation, message: TraceMessage<Operation>, kind: string | undefined): void => {
    const since = began.get(message);
    const type = errorType(message);
    refused(name, message);
    if (since === undefined) return;
    const attributes = { ...operationAttributes(name, kind), ...(type !== undefined && { "error.type": type }) };
    duration.record((performance.now() - since) / 1000, attributes);
  };
  const start = (message: object): void => void began.set(message, performance.now());

  const offs: (() => void)[] = [
    subscribe("request", { error: (message) => refused("request", message) }),
    subscribe("oauth", {
      asyncEnd(message) {
        refused("oauth", message);
        if (message.step !== "refresh") return;
        const type = errorType(message);
        refreshes.add(1, type === undefined ? {} : { "error.type": type });
      },
    }),
    subscribe("record", { start, asyncEnd: (message) => took("record", message, message.kind) }),
    subscribe("claim", {
      start,
      asyncEnd(message) {
        const { result, error } = message;
        if (result !== undefined || error !== undefined) took("claim", message, result?.kind);
        if (result !== undefined) claims.add(1, { "messaging.destination.name": result.kind });
      },
    }),
    subscribe("answer", {
      start,
      asyncEnd(message) {
        took("answer", message, message.kind);
        const { result, kind } = message;
        if (result !== undefined) wait.record(result.waitedMs / 1000, { "messaging.destination.name": kind });
      },
    }),
    subscribe("deliver", { start, asyncEnd: (message) => took("deliver", message, message.kind) }),
  ];
  if (ledger !== undefined) offs.push(watchOpen(meter, ledger));
  return () => {
    for (const off of offs) off();
  };
}

/** Looks into the ledger whenever somebody collects. */
function watchOpen(meter: Meter, ledger: Pick<Ledger, "list">): () => void {
  const open = meter.createObservableGauge("latchkey.open_entries", {
    description: "Entries that nobody has answered.",
  });
  const oldest = meter.createObservableGauge("latchkey.oldest_open_entry", {
    ...second,
    description: "Age of the oldest entry that nobody has answered.",
  });
  const look: Parameters<Meter["addBatchObservableCallback"]>[0] = async (observed) => {
    // While the store is away nothing is observed.
    for (const { kind, count, oldestMs } of await countOpen(ledger).catch(() => [])) {
      const attributes = { "messaging.destination.name": kind };
      for (const [age, entries] of Object.entries(count))
        observed.observe(open, entries, { ...attributes, "latchkey.age": age });
      observed.observe(oldest, oldestMs / 1000, attributes);
    }
  };
  meter.addBatchObservableCallback(look, [open, oldest]);
  return () => meter.removeBatchObservableCallback(look, [open, oldest]);
}
