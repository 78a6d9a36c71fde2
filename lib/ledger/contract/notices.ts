/** Options of `Ledger.notice`. */
export interface NoticeOptions {
  /** Who is told. Each need is told once for each name. */
  name: string;
  /** Who tells, for the receipts. */
  by?: string | undefined;
  /**
   * How long telling may take, in milliseconds: when nothing is heard of it for so long, somebody else may tell it. The same for all who tell under
   * this name. Default 60 000.
   */
  leaseMs?: number | undefined;
}

/** The right to tell somebody of a need. It is on disk before it is given. */
export interface NoticeRight {
  /** This one tells. */
  readonly state: "ours";
  /** A try before this one failed, or ended without saying how: somebody may have been told already. */
  readonly again: boolean;
  /** Somebody was told: nobody is told of this need again. */
  told(): Promise<void>;
  /** Nobody was told, as far as is known. `reason` is for the receipt. */
  failed(reason?: string): Promise<void>;
}

/** Whether to tell somebody of a need. */
export type Notice =
  | NoticeRight
  | {
      /** Somebody was told of it already. */
      readonly state: "told";
    }
  | {
      /** Nobody waits for an answer to this entry any more. */
      readonly state: "over";
    }
  | {
      /** Somebody else tells it now. */
      readonly state: "busy";
      /** Milliseconds until it may be told again, should nothing be heard of that. */
      readonly leftMs: number;
    };

/** What a ledger knows of who was told. */
export interface NoticeLedger {
  /**
   * Takes the right to tell somebody that an entry waits, once for each name and need, whatever is restarted and however many processes tell. A need is a
   * credential, from its first open entry until it is answered, cancelled, completed or expired: a request that is asked again is no new one.
   * Receipts say who told it (`event`).
   * @throws TypeError when the name is missing or the time is none; LedgerError `UNKNOWN_ENTRY`
   * @example
   * ```ts
   * import { openLedger } from "latchkey/ledger";
   *
   * await using ledger = await openLedger("latchkey.db");
   * for await (const entry of ledger.watch({ state: "open" })) {
   *   const notice = await ledger.notice(entry.id, { name: "pager" });
   *   if (notice.state !== "ours") continue;
   *   console.log(`${entry.kind} waits${notice.again ? ", perhaps told before" : ""}`);
   *   await notice.told();
   * }
   * ```
   */
  notice(entryId: string, options: NoticeOptions): Promise<Notice>;
}
