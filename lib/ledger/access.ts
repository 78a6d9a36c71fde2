import type { AnswerOptions, Entry } from "./contract.js";
import type { Engine, Row, Rule } from "./engine/engine.js";
import type { Keyring } from "./seal/keyring.js";

/** What a claim and a delivery need of the ledger that gave them out. */
export interface LedgerAccess {
  readonly engine: Engine;
  readonly keyring: Keyring;
  /** Runs one rule in one transaction. */
  write<T>(name: string, rule: () => Rule<T>): Promise<T>;
  /** Gives an answer to an entry whose seal was opened, under a claim's fence or without one. */
  give(entry: Row, value: unknown, options: AnswerOptions, fence: number | undefined): Promise<Entry>;
}
