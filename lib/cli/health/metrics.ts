import type { Ledger } from "../../ledger/index.js";
import { countOpen } from "../../ledger/internal.js";
import { subscribe, type TraceError, type TraceName } from "../../tracing/index.js";

/** The upper bounds of the histogram, in seconds. A person may need a day. */
const bounds = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

type Labels = Readonly<Record<string, string>>;

const escaped = (value: string): string => value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");
const sample = (name: string, labels: Labels, value: number): string => {
  const text = Object.entries(labels).map(([label, of]) => `${label}="${escaped(of)}"`);
  return `${name}${text.length > 0 ? `{${text.join(",")}}` : ""} ${value}`;
};
const head = (name: string, type: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}`;

/** Counts by labels. */
class Counter {
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>();

  add(labels: Labels, by = 1): void {
    const key = JSON.stringify(labels);
    const found = this.#counts.get(key) ?? { labels, value: 0 };
    found.value += by;
    this.#counts.set(key, found);
  }

  lines(name: string): string[] {
    return [...this.#counts.values()].map(({ labels, value }) => sample(name, labels, value));
  }
}

/** What this process did since it started, from the tracing channels; and what is open, looked up when somebody asks. */
export interface Metrics extends Disposable {
  /** In Prometheus' text format, version 0.0.4. */
  text(): Promise<string>;
}

export function collectMetrics(ledger: Pick<Ledger, "list">, isReady: () => Promise<boolean>): Metrics {
  const claims = new Counter();
  const refreshes = new Counter();
  const refusals = new Counter();
  const waits = { bucket: new Counter(), sum: new Counter(), count: new Counter() };
  const refused = (operation: TraceName, error: TraceError | undefined): void => {
    if (error !== undefined) refusals.add({ operation, error: error.code ?? error.name });
  };
  const offs = [
    ...(["request", "record", "deliver"] as const).map((name) =>
      subscribe(name, { error: ({ error }) => refused(name, error) }),
    ),
    subscribe("claim", {
      asyncEnd({ result, error }) {
        refused("claim", error);
        if (result !== undefined) claims.add({ kind: result.kind });
      },
    }),
    subscribe("answer", {
      asyncEnd({ kind, result, error }) {
        refused("answer", error);
        if (result === undefined) return;
        const seconds = result.waitedMs / 1000;
        for (const bound of bounds) waits.bucket.add({ kind, le: String(bound) }, seconds <= bound ? 1 : 0);
        waits.bucket.add({ kind, le: "+Inf" });
        waits.sum.add({ kind }, seconds);
        waits.count.add({ kind });
      },
    }),
    subscribe("oauth", {
      asyncEnd({ step, error }) {
        refused("oauth", error);
        if (step === "refresh") refreshes.add({ error: error?.code ?? error?.name ?? "" });
      },
    }),
  ];
  const wait = "latchkey_answer_wait_seconds";

  return {
    async text() {
      const [ready, open] = await Promise.all([isReady(), countOpen(ledger).catch(() => [])]);
      const ages = open.flatMap(({ kind, count }) =>
        Object.entries(count).map(([age, entries]) => sample("latchkey_open_entries", { kind, age }, entries)),
      );
      const oldest = open.map(({ kind, oldestMs }) =>
        sample("latchkey_oldest_open_entry_seconds", { kind }, oldestMs / 1000),
      );
      const lines = [
        head("latchkey_ready", "gauge", "Whether it does its work now."),
        sample("latchkey_ready", {}, ready ? 1 : 0),
        head("latchkey_open_entries", "gauge", "Entries of the ledger that nobody has answered, by age."),
        ...ages,
        head("latchkey_oldest_open_entry_seconds", "gauge", "Age of the oldest entry that nobody has answered."),
        ...oldest,
        head("latchkey_claims_total", "counter", "Claims that this process was given."),
        ...claims.lines("latchkey_claims_total"),
        head(wait, "histogram", "From the recording of an entry to the answer that this process wrote."),
        ...waits.bucket.lines(`${wait}_bucket`),
        ...waits.sum.lines(`${wait}_sum`),
        ...waits.count.lines(`${wait}_count`),
        head("latchkey_oauth_refreshes_total", "counter", "Refresh tokens that this process used."),
        ...refreshes.lines("latchkey_oauth_refreshes_total"),
        head("latchkey_refusals_total", "counter", "Calls of this process that were refused, or failed."),
        ...refusals.lines("latchkey_refusals_total"),
      ];
      return `${lines.join("\n")}\n`;
    },
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}
