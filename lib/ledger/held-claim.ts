import { spanOf } from "../base/amounts.js";
import { LedgerError } from "../base/errors.js";
import type { AnswerOf, KindName, PendingRequest, SecretsOf } from "../pending/index.js";
import type { LedgerAccess, Under } from "./access.js";
import type { AnswerOptions, CancelOptions, Claim, Entry, GrantOptions, HeldGrant, StashOptions } from "./contract.js";
import type { Row } from "./engine/engine.js";
import { holdFor, keptFor, wantedBy } from "./grants.js";
import { jsonOf } from "./json.js";
import { entryOf } from "./rows.js";
import * as claims from "./rules/claim.js";
import type { Wanted } from "./rules/grant-row.js";
import { type Place, stashPlace } from "./seal/place.js";
import { checkTag } from "./tags.js";
import { proveEntries, unsealRequest } from "./unseal.js";

/** What gave a claim of one entry alone. */
interface Ticket {
  readonly id: string;
  readonly expiresAt: number;
}

/** A claim as its holder sees it. What may still be written is decided by the fence in the database, never here. */
export class HeldClaim implements Claim {
  readonly entry: Entry;
  readonly fence: number;
  #entries: readonly Entry[];
  #until: number;
  /** The entry as its seal was opened. */
  readonly #row: Row;
  /** The request, once its seal was opened: that takes longer than a reading. */
  #unsealed: PendingRequest | undefined;
  readonly #credential: string;
  readonly #owner: string;
  readonly #leaseMs: number;
  readonly #ledger: LedgerAccess;
  readonly #ticket: Ticket | undefined;

  constructor(ledger: LedgerAccess, claimed: claims.Claimed & claims.Lease, ticket?: Ticket) {
    this.#ledger = ledger;
    this.#ticket = ticket;
    this.#credential = claimed.credential;
    this.#owner = claimed.owner;
    this.#leaseMs = claimed.leaseMs;
    this.#until = claimed.until;
    this.#entries = claimed.entries.map(entryOf);
    const at = claimed.entries.findIndex(({ id }) => id === claimed.id);
    const [row, entry] = [claimed.entries[at], this.#entries[at]];
    if (row === undefined || entry === undefined)
      throw new LedgerError("UNKNOWN_ENTRY", `no entry has the id "${claimed.id}"`);
    this.#row = row;
    this.entry = entry;
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
    if (this.#ticket !== undefined && entryId !== this.entry.id) throw claims.strayEntry();
    const row = await this.#ledger.engine.read(() => claims.sealedEntry(this.#credential, this.fence, entryId));
    const request = await unsealRequest(this.#ledger.keyring, row);
    if (entryId === this.entry.id) this.#unsealed ??= request;
    return request;
  }

  async stash(value: unknown, { tag }: StashOptions = {}): Promise<void> {
    const { keyring } = this.#ledger;
    if (tag !== undefined) checkTag(tag);
    const sealed = value === undefined ? null : await keyring.seal(this.#stashPlace, jsonOf(value, "stash"));
    const stash = {
      sealed,
      tag: sealed === null || tag === undefined ? null : keyring.tags(this.entry.principal, tag)[0],
    };
    await this.#ledger.write("stash", () => claims.writeStash(this.#credential, this.fence, stash));
  }

  async stashed(): Promise<unknown> {
    const sealed = await this.#ledger.engine.read(() => claims.readStash(this.#credential, this.fence));
    return sealed === undefined ? undefined : await this.#ledger.keyring.open(this.#stashPlace, sealed);
  }

  get #stashPlace(): Place {
    return stashPlace({ credential: this.#credential, principal: this.entry.principal });
  }

  async grant(options: GrantOptions = {}): Promise<HeldGrant> {
    return await holdFor(this.#ledger, await this.#wanted(), { ...options, owner: this.#owner });
  }

  async kept(): Promise<unknown> {
    return await keptFor(this.#ledger, await this.#wanted());
  }

  /** What the request needs a grant for: not for whoever has a ticket. */
  async #wanted(): Promise<Wanted> {
    if (this.#ticket !== undefined)
      throw new LedgerError(
        "CONFLICT",
        "a ticket is for one entry; what is kept for its principal is none of its holder's",
      );
    this.#unsealed ??= await unsealRequest(this.#ledger.keyring, this.#row);
    return wantedBy(this.#unsealed, { credential: this.#credential, fence: this.fence });
  }

  async wanted(): Promise<boolean> {
    await this.#refresh(undefined);
    return this.#entries.length > 0;
  }

  async extend(leaseMs = this.#leaseMs): Promise<void> {
    await this.#refresh(spanOf(leaseMs, "leaseMs"));
  }

  async #refresh(leaseMs: number | undefined): Promise<void> {
    const lease = { leaseMs, last: this.#ticket?.expiresAt };
    const seen = await this.#ledger.write("extend", () => claims.extend(this.#credential, this.fence, lease));
    const entries = this.#ticket === undefined ? seen.entries : seen.entries.filter(({ id }) => id === this.entry.id);
    await proveEntries(this.#ledger.keyring, entries);
    this.#until = seen.until;
    this.#entries = entries.map(entryOf);
  }

  async release(): Promise<void> {
    await this.#ledger.write("release", () => claims.release(this.#credential, this.fence));
  }

  get #under(): Under {
    return { fence: this.fence, ticket: this.#ticket?.id };
  }

  async answer(answer: AnswerOf<KindName>, options: AnswerOptions = {}): Promise<Entry> {
    return await this.#ledger.give(this.#row, answer, { by: this.#owner, ...options }, this.#under);
  }

  async cancel(options: Omit<CancelOptions, "force"> = {}): Promise<void> {
    const only = this.#ticket === undefined ? undefined : this.entry.id;
    const note = { by: this.#owner, ...options, ticket: this.#ticket?.id, only };
    await this.#ledger.write("cancel", () => claims.cancelAll(this.#credential, this.fence, note));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
