/** What each test of the contract is given. */
import { until } from "../../base/until.js";
import type { KeyOptions, Ledger } from "../../ledger/index.js";
import type { Askers } from "./asking.js";

/**
 * Opens the ledger of this name with these keys. Under a name that was not used before there is an empty one; under the same name
 * it is the same ledger, also while it is open elsewhere. A name is a word of letters, digits and `-`.
 */
export type OpenNamed = (name: string, options: KeyOptions) => Promise<Ledger>;

export interface Given extends Askers {
  /** The name of an empty ledger. */
  place(): string;
  /** Opens a ledger; an empty one, with `key`, when nothing is said. */
  open(place?: string, options?: KeyOptions): Promise<Ledger>;
}

/** Tests by their titles. */
export type Cases = Readonly<Record<string, (given: Given) => Promise<void>>>;

/** The key of every ledger that a test says nothing else of: 32 bytes. */
export const key = Buffer.alloc(32, 7).toString("base64url");

/** Leases and expiries are the store's own: only waiting ends them. */
export const lapse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The states that an entry went through. */
export async function history(ledger: Ledger, id: string): Promise<string[]> {
  return (await ledger.receipts(id)).map(({ state }) => state);
}

/** What a promise resolves to, within three seconds. */
export const within = <T>(promise: Promise<T>): Promise<T> =>
  until<T>({ timeoutMs: 3000 }, (resolve, reject) => {
    promise.then(resolve, reject);
    return () => undefined;
  });
