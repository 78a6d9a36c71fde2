import { spanOf } from "../base/amounts.js";
import { maxDepth, refuseDeep } from "../base/check.js";
import { LedgerError } from "../base/errors.js";
import type { AnswerOf, KindName, PendingRequest, SecretsOf } from "../pending/index.js";
import type { LedgerAccess } from "./access.js";
import type { AnswerOptions, CancelOptions, Claim, Entry } from "./contract.js";
import type { Row } from "./engine/engine.js";
import { entryOf } from "./rows.js";
import * as claims from "./rules/claim.js";
import { type Place, stashPlace } from "./seal/place.js";
import { proveEntries, unsealRequest } from "./unseal.js";

const stashLimit = 64 * 1024;

/** @throws TypeError when a value is no JSON, or too deep or too long. */
function checkStash(value: unknown): void {
  if (value === undefined) return;
  let json: string | undefined;
  try {
    refuseDeep(value, "stash");
    json = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`a stash holds JSON, at most ${maxDepth} levels deep`, { cause });
  }
  if (json === undefined) throw new TypeError("a stash holds JSON");
  const size = Buffer.byteLength(json);
  if (size > stashLimit) throw new TypeError(`a stash holds ${stashLimit} bytes at most; this is ${size}`);
}

/** A claim as its holder sees it. What may still be written is decided by the fence in the database, never here. */
export class HeldClaim implements Claim {
  readonly entry: Entry;
  readonly fence: number;
  #entries: readonly Entry[];
  #until: number;
  /** The entry as its seal was opened. */
  readonly #row: Row;
  readonly #credential: string;
  readonly #owner: string;
  readonly #leaseMs: number;
  readonly #ledger: LedgerAccess;

  constructor(ledger: LedgerAccess, claimed: claims.Claimed & claims.Lease) {
    this.#ledger = ledger;
    this.#credential = claimed.credential;
    this.#owner = claimed.owner;
    this.#leaseMs = claimed.leaseMs;
    this.#until = claimed.until;
    this.#entries = claimed.entries.map(entryOf);
    const row = claimed.entries.find(({ id }) => id === claimed.id);
    if (row === undefined) throw new LedgerError("UNKNOWN_ENTRY", `no entry has the id "${claimed.id}"`);
    this.#row = row;
    this.entry = entryOf(row);
    this.fence = claimed.fence;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get until(): Date {
    return new Date(this.#until);
  }

  async secrets(entryId?: string): Promise<SecretsOf<KindName>> {
    return (await this.request(entryId)).secrets.reveal();
  }

  async request(entryId = this.entry.id): Promise<PendingRequest> {
    const row = await this.#ledger.engine.read(() => claims.sealedEntry(this.#credential, this.fence, entryId));
    return await unsealRequest(this.#ledger.keyring, row);
  }

  async stash(value: unknown): Promise<void> {
    checkStash(value);
    const sealed = value === undefined ? null : await this.#ledger.keyring.seal(this.#stashPlace, value);
    await this.#ledger.write("stash", () => claims.writeStash(this.#credential, this.fence, sealed));
  }

  async stashed(): Promise<unknown> {
    const sealed = await this.#ledger.engine.read(() => claims.readStash(this.#credential, this.fence));
    return sealed === undefined ? undefined : await this.#ledger.keyring.open(this.#stashPlace, sealed);
  }

  get #stashPlace(): Place {
    return stashPlace({ credential: this.#credential, principal: this.entry.principal });
  }

  async wanted(): Promise<boolean> {
    await this.#refresh(undefined);
    return this.#entries.length > 0;
  }

  async extend(leaseMs = this.#leaseMs): Promise<void> {
    await this.#refresh(spanOf(leaseMs, "leaseMs"));
  }

  async #refresh(leaseMs: number | undefined): Promise<void> {
    const seen = await this.#ledger.write("extend", () => claims.extend(this.#credential, this.fence, leaseMs));
    await proveEntries(this.#ledger.keyring, seen.entries);
    this.#until = seen.until;
    this.#entries = seen.entries.map(entryOf);
  }

  async release(): Promise<void> {
    await this.#ledger.write("release", () => claims.release(this.#credential, this.fence));
  }

  async answer(answer: AnswerOf<KindName>, options: AnswerOptions = {}): Promise<Entry> {
    return await this.#ledger.give(this.#row, answer, { by: this.#owner, ...options }, this.fence);
  }

  async cancel(options: Omit<CancelOptions, "force"> = {}): Promise<void> {
    const note = { by: this.#owner, ...options };
    await this.#ledger.write("cancel", () => claims.cancelAll(this.#credential, this.fence, note));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
