import { waitOf } from "../base/amounts.js";
import { LatchkeyError } from "../base/errors.js";
import { createEvents, type Events, type Off } from "../events/index.js";
import { type Hold, type HoldOptions, hold } from "../pending/index.js";
import type { Attacher } from "../pending/internal.js";
import type { SessionLifecycle } from "../protocol/index.js";

/** Options of `keepSessions`. `timeoutMs` is for each attach: 10 000 when left out. */
export interface KeepOptions extends Omit<HoldOptions, "signal" | "evenIfBusy"> {
  /** Which sessions; all of them when left out. Asked once a session. */
  filter?: ((born: { readonly sessionId: string; readonly event: SessionLifecycle }) => boolean) | undefined;
  /**
   * Also sessions that were not born but loaded again, or that were there before this keeper: the runtime announces those as updated
   * only, so the attach may come late. Off unless asked for.
   */
  updated?: boolean | undefined;
}

/** What a `Keeper` tells. */
export type KeeperEventMap = {
  /** A session is held now. */
  held: Hold;
  /** The session is there and could not be attached to: `BUSY`, or no answer in time. */
  missed: { readonly sessionId: string; readonly error: unknown };
};

/** How long an attach may take, unless `timeoutMs` says otherwise. */
export const attachLimitMs = 10_000;

/** Holds every new session before anything in it can block. */
export interface Keeper {
  /** What happens to the sessions. */
  readonly events: Events<KeeperEventMap>;
  /** What is held now, by session id. */
  readonly holds: ReadonlyMap<string, Hold>;
  /** Holds no more sessions. Those that are held stay held until released, or until the connection ends. */
  close(): void;
  /** `using` closes it. */
  [Symbol.dispose](): void;
}

/** What a keeper needs of an `Rpc`. */
export interface KeepingRpc extends Attacher {
  readonly events: {
    on(
      type: "session.lifecycle",
      handler: (said: { readonly sessionId: string; readonly event: SessionLifecycle }) => void,
    ): Off;
  };
}

/**
 * Listens to the runtime's broadcast and attaches to each session as it is born. Start it before the sessions: what was announced
 * earlier is not told again.
 * @throws TypeError when `timeoutMs` is no length of time. Nothing else: what goes wrong with one session is `missed`.
 * @example
 * ```ts
 * import { keepSessions } from "latchkey/keeper";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * using keeper = keepSessions(rpc, { elicitation: true });
 * keeper.events.on("missed", ({ sessionId, error }) => console.error(sessionId, error));
 * await rpc.closed;
 * ```
 */
export function keepSessions(
  rpc: KeepingRpc,
  { filter, updated = false, timeoutMs = attachLimitMs, ...flags }: KeepOptions = {},
): Keeper {
  waitOf(timeoutMs, "timeoutMs");
  const events = createEvents<KeeperEventMap>();
  const holds = new Map<string, Hold>();
  /** Sessions that are being held, are held, or are none of ours. A birth is announced more than once. */
  const seen = new Set<string>();

  async function attachTo(sessionId: string): Promise<void> {
    try {
      const held = await hold(rpc, sessionId, { ...flags, timeoutMs });
      const tracked: Hold = { ...held, release, [Symbol.asyncDispose]: release };
      holds.set(sessionId, tracked);
      events.emit("held", tracked);

      async function release(): Promise<void> {
        holds.delete(sessionId);
        await held.release();
      }
    } catch (error) {
      seen.delete(sessionId);
      // Gone before we came, or an update that tells of an unloading.
      if (error instanceof LatchkeyError && error.code === "SESSION_NOT_FOUND") return;
      events.emit("missed", { sessionId, error });
    }
  }

  const off = rpc.events.on("session.lifecycle", (said) => {
    const { sessionId, event } = said;
    if (event.type === "session.deleted") {
      seen.delete(sessionId);
      holds.delete(sessionId);
      return;
    }
    if (event.type !== "session.created" && !(updated && event.type === "session.updated")) return;
    if (seen.has(sessionId)) return;
    seen.add(sessionId);
    if (filter === undefined || filter(said)) void attachTo(sessionId);
  });
  return { events, holds, close: off, [Symbol.dispose]: off };
}
