import type { KindName } from "../pending/index.js";
import { isPending, kinds, rowOf } from "../pending/index.js";
import { hasResumed } from "../pending/internal.js";
import type { SessionEvent } from "../protocol/index.js";
import type { Evidence } from "./evidence.js";
import type { LedgerRpc } from "./rpc.js";

interface Asked {
  readonly kind: KindName;
  readonly sessionId: string;
  readonly requestId: string;
}

const completions = new Set<string>(Object.values(kinds).map((row) => row.completed));

/**
 * Whether the runtime behind a connection is the one that asked. Nothing authenticates a runtime to its host: another one may have taken
 * a dead one's port, or use the same ids for sessions of its own.
 */
export class Askers {
  readonly #rpc: LedgerRpc;
  /** Requests that came over this connection and are not completed, by session and id. */
  readonly #here = new Set<string>();

  constructor(rpc: LedgerRpc) {
    this.#rpc = rpc;
  }

  /** Notes what an event says. True when it asks: then the load of its session may be another one than before. */
  see({ sessionId, event }: { readonly sessionId: string; readonly event: SessionEvent }): boolean {
    if (!("data" in event) || !("requestId" in event.data)) return false;
    const name = nameOf({ sessionId, requestId: String(event.data.requestId) });
    const asks = isPending(event);
    if (asks) this.#here.add(name);
    else if (completions.has(event.type)) this.#here.delete(name);
    return asks;
  }

  forget(request: Asked): void {
    this.#here.delete(nameOf(request));
  }

  /** Whether the request came over this connection. */
  cameHere(request: Asked): boolean {
    return this.#here.has(nameOf(request));
  }

  /**
   * Whether the runtime has shown that it asked: by the request in the log of the present load, or because the request came over this
   * connection. For a request that outlives its load it is enough that this process resumed the session there. A log that has let go
   * of events shows nothing.
   */
  isAsker(request: Asked, { shown, missing }: Evidence): boolean {
    if (shown || missing) return shown;
    return this.cameHere(request) || (rowOf(request.kind).survivesRuntime && this.#resumed(request));
  }

  /** Whether the request died with an earlier load of this very session. */
  isGone(request: Asked, { missing, same }: Evidence): boolean {
    return missing && (same || this.cameHere(request) || this.#resumed(request));
  }

  #resumed({ sessionId }: Asked): boolean {
    return hasResumed(this.#rpc, sessionId);
  }
}

const nameOf = ({ sessionId, requestId }: { sessionId: string; requestId: string }): string =>
  JSON.stringify([sessionId, requestId]);
