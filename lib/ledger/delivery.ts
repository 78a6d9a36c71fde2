import { spanOf } from "../base/amounts.js";
import type { AnswerOf, KindName } from "../pending/index.js";
import type { LedgerAccess } from "./access.js";
import type { Delivery, Entry, Reply } from "./contract.js";
import { entryOf } from "./rows.js";
import { prolong, settle, type Taken } from "./rules/deliver.js";

/** A delivery as its holder sees it. Whether it may still be settled is decided by the fence in the database. */
export class HeldDelivery implements Delivery {
  readonly entry: Entry;
  readonly fence: number;
  readonly inDoubt: boolean;
  readonly #answer: AnswerOf<KindName>;
  readonly #ledger: LedgerAccess;
  readonly #owner: string;
  readonly #leaseMs: number;

  constructor(ledger: LedgerAccess, taken: Taken, answer: AnswerOf<KindName>, owner: string, leaseMs: number) {
    this.#ledger = ledger;
    this.#owner = owner;
    this.#leaseMs = leaseMs;
    this.entry = entryOf(taken.entry);
    this.#answer = answer;
    this.fence = taken.fence;
    this.inDoubt = taken.inDoubt;
  }

  /** No field: who prints, stringifies or clones a delivery does not mean the token in it. */
  get answer(): AnswerOf<KindName> {
    return this.#answer;
  }

  async extend(leaseMs = this.#leaseMs): Promise<void> {
    spanOf(leaseMs, "leaseMs");
    await this.#ledger.write("prolong", () => prolong(this.entry.id, this.fence, leaseMs));
  }

  async settle(reply: Reply): Promise<Entry> {
    const rule = () => settle(this.entry, this.fence, this.inDoubt, reply, this.#owner);
    return entryOf(await this.#ledger.write("settled", rule));
  }
}
