import { spanOf } from "../base/amounts.js";
import type { LedgerAccess } from "./access.js";
import type * as contract from "./contract/grants.js";
import { number, type Row, type Rule, text, textOr } from "./engine/engine.js";
import { grantStateOf, openGrant, sealGrant } from "./grant-rows.js";
import type { Lease } from "./rules/claim.js";
import * as rules from "./rules/grant.js";

/** The right to a grant as its holder sees it. What may still be done is decided by the fence in the database, never here. */
export class HeldGrant implements contract.HeldGrant {
  readonly id: string;
  readonly fence: number;
  #row: Row;
  #grant: unknown;
  readonly #right: rules.Right;
  readonly #leaseMs: number;
  readonly #ledger: LedgerAccess;

  /** Opens what is kept. Gives the right back where that does not open. */
  static async of(ledger: LedgerAccess, row: Row, lease: Lease): Promise<HeldGrant> {
    const held = new HeldGrant(ledger, row, lease);
    try {
      held.#grant = await openGrant(ledger.keyring, row);
      return held;
    } catch (error) {
      await held.release();
      throw error;
    }
  }

  private constructor(ledger: LedgerAccess, row: Row, { owner, leaseMs }: Lease) {
    this.#ledger = ledger;
    this.#row = row;
    this.#leaseMs = leaseMs;
    this.id = text(row.id);
    this.fence = number(row.fence);
    const { id, fence } = this;
    this.#right = { id, fence, key: text(row.grant_key), principal: textOr(row.principal), owner };
  }

  get until(): Date {
    return new Date(number(this.#row.lease_until));
  }

  get state(): "none" | "kept" | "in-doubt" {
    const state = grantStateOf(this.#row.state);
    return state === "spending" ? "in-doubt" : state;
  }

  /** A getter: whoever prints, stringifies or clones a held grant must not get the tokens in it. */
  get grant(): unknown {
    return this.#grant;
  }

  async #do(name: string, rule: () => Rule<Row>): Promise<void> {
    this.#row = await this.#ledger.write(name, rule);
  }

  async spend(): Promise<void> {
    await this.#do("spend", () => rules.spend(this.#right));
  }

  async unspent(): Promise<void> {
    await this.#do("unspent", () => rules.unspent(this.#right));
  }

  async keep(grant: unknown): Promise<void> {
    const kept = await sealGrant(this.#ledger.keyring, this.#row, grant);
    await this.#do("keep", () => rules.keep(this.#right, kept));
    this.#grant = await openGrant(this.#ledger.keyring, this.#row);
  }

  async forget({ reason }: { reason?: string | undefined } = {}): Promise<void> {
    await this.#do("forget", () => rules.forget(this.#right, reason));
    this.#grant = undefined;
  }

  async extend(leaseMs = this.#leaseMs): Promise<void> {
    spanOf(leaseMs, "leaseMs");
    await this.#do("hold", () => rules.extend(this.#right, leaseMs));
  }

  async release(): Promise<void> {
    const row = await this.#ledger.write("unhold", () => rules.release(this.#right));
    if (row !== undefined) this.#row = row;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
