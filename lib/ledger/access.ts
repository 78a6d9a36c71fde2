import type { PendingRequest } from "../pending/index.js";
import type { AnswerOptions, Entry } from "./contract.js";
import type { Engine, Row, Rule } from "./engine/engine.js";
import type { Keyring } from "./seal/keyring.js";

/** What a claim and a delivery need of the ledger that gave them out. */
export interface LedgerAccess {
  readonly engine: Engine;
  readonly keyring: Keyring;
  /** Runs one rule in one transaction. */
  write<T>(name: string, rule: () => Rule<T>): Promise<T>;
  /** An entry with its secrets, as it was recorded. */
  unseal(row: Row): Promise<PendingRequest>;
  /** Gives an answer, under a claim's fence or without one. */
  give(entry: Entry, value: unknown, options: AnswerOptions, fence: number | undefined): Promise<Entry>;
}
