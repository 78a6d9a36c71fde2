import type { KindName } from "../pending/index.js";
import { allEntries } from "./all-entries.js";
import type { Ledger } from "./contract.js";

/** The ages that open entries are counted by: from `atLeastMs` on. */
export const ages = [
  { age: "<1m", atLeastMs: 0 },
  { age: "1m-1h", atLeastMs: 60_000 },
  { age: "1h-1d", atLeastMs: 3_600_000 },
  { age: ">=1d", atLeastMs: 86_400_000 },
] as const;

/** How many entries of a kind nobody has answered yet. */
export interface OpenEntries {
  readonly kind: KindName;
  readonly count: Readonly<Record<(typeof ages)[number]["age"], number>>;
  /** Milliseconds since the oldest was recorded, by this machine's clock. */
  readonly oldestMs: number;
}

/** Counts what is open, by kind and age. Reads each open entry: for now and then. */
export async function countOpen(ledger: Pick<Ledger, "list">, now = Date.now()): Promise<OpenEntries[]> {
  const kinds = new Map<KindName, { count: Record<(typeof ages)[number]["age"], number>; oldestMs: number }>();
  for await (const { kind, createdAt } of allEntries(ledger, { state: "open" })) {
    const ageMs = Math.max(0, now - createdAt.getTime());
    const found = kinds.get(kind) ?? { count: { "<1m": 0, "1m-1h": 0, "1h-1d": 0, ">=1d": 0 }, oldestMs: 0 };
    const { age } = ages.findLast(({ atLeastMs }) => ageMs >= atLeastMs) ?? ages[0];
    found.count[age]++;
    found.oldestMs = Math.max(found.oldestMs, ageMs);
    kinds.set(kind, found);
  }
  return [...kinds].map(([kind, rest]) => ({ kind, ...rest }));
}
