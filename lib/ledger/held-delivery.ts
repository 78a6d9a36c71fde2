import { spanOf } from "../base/amounts.js";
import type { AnswerOf, Checked, KindName } from "../pending/index.js";
import type { LedgerAccess } from "./access.js";
import type { Delivery, Entry, Reply } from "./contract.js";
import { entryOf } from "./rows.js";
import type { Lease } from "./rules/claim.js";
import { extendDelivery, type MarkedSent, settle } from "./rules/deliver.js";

/** A delivery as its holder sees it. Whether it may still be settled is decided by the fence in the database. */
export class HeldDelivery implements Delivery {
  readonly entry: Entry;
  readonly fence: number;
  readonly inDoubt: boolean;
  readonly #answer: Checked<AnswerOf<KindName>>;
  readonly #ledger: LedgerAccess;
  readonly #owner: string;
  readonly #leaseMs: number;

  constructor(ledger: LedgerAccess, sent: MarkedSent & Lease & { readonly answer: Checked<AnswerOf<KindName>> }) {
    this.#ledger = ledger;
    this.#owner = sent.owner;
    this.#leaseMs = sent.leaseMs;
    this.entry = entryOf(sent.entry);
    this.#answer = sent.answer;
    this.fence = sent.fence;
    this.inDoubt = sent.inDoubt;
  }

  /** A getter: whoever prints, stringifies or clones a delivery must not get the token in it. */
  get answer(): Checked<AnswerOf<KindName>> {
    return this.#answer;
  }

  async extend(leaseMs = this.#leaseMs): Promise<void> {
    spanOf(leaseMs, "leaseMs");
    await this.#ledger.write("prolong", () => extendDelivery(this.entry.id, this.fence, leaseMs));
  }

  async settle(reply: Reply): Promise<Entry> {
    return entryOf(await this.#ledger.write("settled", () => settle(this, { reply, by: this.#owner })));
  }
}
