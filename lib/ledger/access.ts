import type { Changes } from "./changes.js";
import type { AnswerOptions, Entry } from "./contract.js";
import type { Engine, Row, Rule } from "./engine/engine.js";
import type { Keyring } from "./seal/keyring.js";
import type { Turns } from "./turns.js";

/** The right under which something is written. */
export interface Under {
  readonly fence: number;
  /** The ticket that gave it, for one entry alone. */
  readonly ticket?: string | undefined;
}

/** What a claim, a delivery and a held grant need of the ledger that gave them out. */
export interface LedgerAccess {
  readonly engine: Engine;
  readonly keyring: Keyring;
  readonly changes: Changes;
  readonly turns: Turns;
  /** Runs one rule in one transaction. */
  write<T>(name: string, rule: () => Rule<T>): Promise<T>;
  /** Gives an answer to an entry whose seal was opened, under a claim's fence or without one. */
  give(entry: Row, value: unknown, options: AnswerOptions, under?: Under): Promise<Entry>;
}
