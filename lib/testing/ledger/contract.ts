import { amountCases } from "./amounts.js";
import { answerCases } from "./answers.js";
import { askers } from "./asking.js";
import { claimCases } from "./claims.js";
import { deliveryCases } from "./deliveries.js";
import { entryCases } from "./entries.js";
import { type Cases, key, type OpenNamed } from "./given.js";
import { keyCases } from "./keys.js";
import { loadCases } from "./loads.js";
import { walkCases } from "./walks.js";
import { watchCases } from "./watching.js";

/** Options of `ledgerContract`. */
export interface LedgerContractOptions {
  /** Registers a test: `test` of node:test, Vitest or Jest, or a suite of uvu. */
  readonly test: (title: string, body: () => Promise<void>) => unknown;
}

const all: readonly Cases[] = [
  entryCases,
  claimCases,
  answerCases,
  deliveryCases,
  loadCases,
  watchCases,
  amountCases,
  keyCases,
  walkCases,
];

/**
 * The tests that both of latchkey's engines pass, for whoever writes another store: on `openLedgerOn` with an engine of their own, or a
 * `Ledger` of their own. Registers some hundred tests, each with ledgers of its own; a failure is an `AssertionError`.
 * @param open opens the ledger of a name with these keys. Under a name that was not used before there is an empty ledger, under the same
 * name it is the same one, also while it is open elsewhere. A name has letters, digits and `-`.
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { type Engine, openLedgerOn } from "latchkey/ledger";
 * import { ledgerContract } from "latchkey/testing";
 *
 * declare function myEngine(name: string): Promise<Engine>;
 *
 * ledgerContract(async (name, options) => openLedgerOn(await myEngine(name), options), { test });
 * ```
 */
export function ledgerContract(open: OpenNamed, { test }: LedgerContractOptions): void {
  let places = 0;
  const place = (): string => {
    places += 1;
    return `contract-${places}`;
  };
  for (const cases of all)
    for (const [title, body] of Object.entries(cases))
      test(title, async () => {
        // Whoever uses the fake alone does not load what makes requests.
        const { pendingRequest } = await import("../../pending/index.js");
        await body({ ...askers(pendingRequest), place, open: (at = place(), options = { key }) => open(at, options) });
      });
}
