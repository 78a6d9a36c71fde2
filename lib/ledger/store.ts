import { countOf } from "../base/amounts.js";
import { LedgerError } from "../base/errors.js";
import { checkPrincipal } from "../base/principal.js";
import { traced } from "../base/tracing.js";
import type { AnswerOf, KindName, PendingRequest } from "../pending/index.js";
import type { LedgerAccess, Under } from "./access.js";
import { Changes } from "./changes.js";
import { claimWhenFree } from "./claiming.js";
import type * as contract from "./contract.js";
import { deliver } from "./delivering.js";
import { draftAnswer, draftRequest } from "./drafts.js";
import { type Engine, type Row, type Rule, text } from "./engine/engine.js";
import { grantReceiptOf } from "./grant-rows.js";
import * as grants from "./grants.js";
import { notice } from "./notices.js";
import { prune } from "./pruning.js";
import { entryOf, presentEntry, receiptOf } from "./rows.js";
import { answer, cancel, refuseAnswer } from "./rules/answer.js";
import { expire } from "./rules/claim.js";
import { completed, giveAgain, givenBefore } from "./rules/deliver.js";
import * as find from "./rules/find.js";
import { forgetKnown } from "./rules/grant.js";
import { grantReceipts as receiptsOfGrant } from "./rules/grants.js";
import { markLost } from "./rules/lost.js";
import { entryRow, unknownEntry } from "./rules/move.js";
import { record } from "./rules/record.js";
import type { Keyring } from "./seal/keyring.js";
import { seedsOf } from "./seeds.js";
import { SharedLook } from "./shared-look.js";
import { findTicket, makeTicket, redeem } from "./tickets.js";
import { tracedEntry, tracedRecord } from "./traced.js";
import { Turns } from "./turns.js";
import { proveEntries, unsealGiven } from "./unseal.js";
import { watch } from "./watch.js";

type Entry = contract.Entry;

/** How many entries a sweep reads at once. */
const sweepPortion = 100;

/** The ledger over any engine: seals and checks outside the transaction, runs one rule inside. */
export class Store implements contract.Ledger, LedgerAccess {
  readonly engine: Engine;
  readonly keyring: Keyring;
  readonly changes: Changes;
  readonly turns = new Turns();
  readonly #closed = new AbortController();
  /** Watches that do not know yet where they start. Writes of this ledger wait for them, so that they miss none. */
  readonly #starting = new Set<Promise<unknown>>();

  /** What all watches ask. */
  readonly #head = new SharedLook(() => this.engine.read(find.lastSeq));
  readonly #sweep = new SharedLook(
    () => this.sweep(),
    (leftMs) => leftMs ?? Number.POSITIVE_INFINITY,
  );

  constructor(engine: Engine, keyring: Keyring) {
    this.engine = engine;
    this.keyring = keyring;
    this.changes = new Changes(engine);
  }

  async write<T>(name: string, rule: () => Rule<T>): Promise<T> {
    if (this.#starting.size > 0) await Promise.allSettled(this.#starting);
    return await this.engine.transact(name, rule);
  }

  record<K extends KindName>(request: PendingRequest<K>, options?: contract.RecordOptions): Promise<contract.Entry<K>>;
  record(request: PendingRequest, options: contract.RecordOptions = {}): Promise<Entry> {
    return traced(
      "record",
      () => tracedRecord(request, options),
      () => this.#record(request, options),
      ({ id, state }) => ({ id, state }),
    );
  }

  async #record(request: PendingRequest, options: contract.RecordOptions): Promise<Entry> {
    const draft = await draftRequest(this.keyring, request, options);
    const written = async (): Promise<Row | undefined> => await this.write("record", () => record(draft));
    const row = (await written()) ?? (await written());
    if (row === undefined) throw unknownEntry(draft.id);
    if (draft.proof !== undefined) this.keyring.note(draft.proof);
    return entryOf(row);
  }

  async get(id: string): Promise<Entry | undefined> {
    const [entry] = await this.list({ id });
    return entry;
  }

  list<K extends KindName = KindName>(filter?: contract.ListFilter<K>): Promise<contract.Page<K>>;
  async list(filter: contract.ListFilter = {}): Promise<contract.Page> {
    const limit = countOf(filter.limit ?? 1000, "limit");
    const found = await this.engine.read(() => find.list(this.#scoped(filter), limit));
    const page: contract.Page = found.slice(0, limit).map(presentEntry);
    const last = found[limit - 1];
    if (found.length > limit && last !== undefined) page.next = find.cursorOf(last);
    return page;
  }

  async receipts(id: string): Promise<contract.Receipt[]> {
    return (await this.engine.read(() => find.receipts(id, this.keyring.principal))).map(receiptOf);
  }

  /** A ledger that is opened for one principal shows no other's. */
  #scoped<F extends contract.Filter>(filter: F): find.Scoped<F> {
    return { ...filter, only: this.keyring.principal };
  }

  #isOwn(entry: Row): boolean {
    const { principal } = this.keyring;
    return principal === undefined || entry.principal === principal;
  }

  async #own(id: string): Promise<Row> {
    const row = await this.engine.read(() => entryRow(id));
    if (!this.#isOwn(row)) throw unknownEntry(id);
    return row;
  }

  watch<K extends KindName = KindName>(
    filter?: contract.Filter<K>,
    options?: contract.WatchOptions,
  ): AsyncIterableIterator<contract.Transition<K>>;
  watch(filter: contract.Filter = {}, options: contract.WatchOptions = {}): AsyncIterableIterator<contract.Transition> {
    const { after } = options;
    find.refuseUnwatchable(filter);
    if (after !== undefined && !/^\d+$/.test(after)) throw new TypeError('"after" is not a cursor of `watch`');
    const start = after === undefined ? this.engine.read(find.lastSeq) : Promise.resolve(Number(after));
    this.#starting.add(start);
    const forget = (): void => void this.#starting.delete(start);
    start.then(forget, forget);
    const ledger = {
      engine: this.engine,
      changes: this.changes,
      closed: this.#closed.signal,
      head: this.#head,
      sweep: this.#sweep,
    };
    return watch(ledger, start, this.#scoped(filter), options);
  }

  /** Moves what nobody answered in time to `expired`. Returns the milliseconds until there is more to close. */
  async sweep(): Promise<number | undefined> {
    for (;;) {
      const ids = await this.engine.read(() => find.due(sweepPortion));
      for (const id of ids) await this.write("expire", () => expire(id));
      if (ids.length < sweepPortion) return await this.engine.read(find.untilDue);
    }
  }

  claim<K extends KindName = KindName>(
    filter: contract.ClaimFilter<K>,
    options: contract.ClaimOptions,
  ): Promise<contract.Claim<K> | undefined>;
  async claim(filter: contract.ClaimFilter, options: contract.ClaimOptions): Promise<contract.Claim | undefined> {
    return await claimWhenFree(this, this.#scoped(filter), options);
  }

  async answer<K extends KindName>(
    id: string,
    value: AnswerOf<K>,
    options: contract.AnswerOptions = {},
  ): Promise<Entry> {
    const entry = await this.#own(id);
    await proveEntries(this.keyring, [entry]);
    return await this.give(entry, value, options);
  }

  give(entry: Row, value: unknown, options: contract.AnswerOptions, under?: Under): Promise<Entry> {
    return traced(
      "answer",
      () => ({ ...tracedEntry(entryOf(entry)), ...(under !== undefined && { fence: under.fence }) }),
      () => this.#give(entry, value, options, under),
      ({ state, createdAt, updatedAt }) => ({ state, waitedMs: updatedAt.getTime() - createdAt.getTime() }),
    );
  }

  async #give(entry: Row, value: unknown, options: contract.AnswerOptions, under?: Under): Promise<Entry> {
    const draft = await draftAnswer(this.keyring, entry, value, options, under);
    return entryOf(await this.write("answer", () => answer(draft)));
  }

  async cancel(id: string, options: contract.CancelOptions = {}): Promise<Entry> {
    await this.#own(id);
    return entryOf(await this.write("cancel", () => cancel(id, options)));
  }

  async deliver(id: string, options: contract.DeliveryOptions): Promise<contract.Delivery | undefined> {
    return await deliver(this, id, options);
  }

  async completed(request: {
    kind: KindName;
    sessionId: string;
    requestId: string;
    by?: string;
  }): Promise<Entry | undefined> {
    const row = await this.write("settled", () => completed(request, this.keyring.principal));
    return row && entryOf(row);
  }

  async lost(sessionId: string, options: contract.LostOptions = {}): Promise<Entry[]> {
    const reason = options.epoch === undefined ? "the session was unloaded" : "the session was loaded anew";
    const whose = this.keyring.principal;
    return (await this.write("lost", () => markLost(sessionId, { reason, ...options, whose }))).map(entryOf);
  }

  async refuse(id: string): Promise<void> {
    await this.#own(id);
    await this.write("refuse", () => refuseAnswer(id));
  }

  async seeds(sessionId: string, options: { principal?: string | null | undefined } = {}): Promise<contract.Seed[]> {
    if (options.principal !== null) checkPrincipal(options.principal);
    return await seedsOf(this, sessionId, options.principal);
  }

  async giveAgain(id: string, options: { by?: string; reason?: string } = {}): Promise<AnswerOf<KindName> | undefined> {
    await this.#own(id);
    const found = await this.engine.read(() => givenBefore(id));
    const value = found.answer && (await unsealGiven(this.keyring, found.entry, found.answer));
    const answer = await this.write("again", () => giveAgain(found, options));
    return answer && value;
  }

  async grants(filter: contract.GrantFilter = {}): Promise<contract.GrantPage> {
    return await grants.listed(this, filter);
  }

  async grantReceipts(id: string): Promise<contract.GrantReceipt[]> {
    return (await this.engine.read(() => receiptsOfGrant(id, this.keyring.principal))).map(grantReceiptOf);
  }

  async holdGrant(id: string, options: contract.HoldGrantOptions): Promise<contract.HeldGrant> {
    return await grants.holdKnown(this, id, options);
  }

  async forget(id: string, options: contract.ForgetOptions = {}): Promise<void> {
    await this.write("forget", () => forgetKnown(id, this.keyring.principal, options));
  }

  async notice(entryId: string, options: contract.NoticeOptions): Promise<contract.Notice> {
    await this.#own(entryId);
    return await notice(this, entryId, options);
  }

  async ticket(entryId: string, options: contract.TicketOptions): Promise<string> {
    return await makeTicket(this, await this.#own(entryId), options);
  }

  async ticketed(ticket: string): Promise<Entry> {
    const { entry } = await findTicket(this, ticket);
    return (await this.get(text(entry.id))) ?? entryOf(entry);
  }

  async redeem(ticket: string, options: contract.RedeemOptions): Promise<contract.Claim> {
    return await redeem(this, ticket, options);
  }

  async prune(options: contract.PruneOptions): Promise<{ entries: number; receipts: number }> {
    await this.sweep();
    return await prune(this, options);
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(new LedgerError("UNAVAILABLE", "the ledger is closed"));
    this.changes.wake();
    await this.engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
