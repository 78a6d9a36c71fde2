import type { EventType, SessionRequester } from "../protocol/index.js";

/** A registration that makes the runtime delegate an event type. It belongs to the session, not to the connection. */
export interface Interest {
  /** The session that it belongs to. */
  readonly sessionId: string;
  /** The event type that is delegated. */
  readonly eventType: EventType;
  /** The runtime's own name for it; any connection may release it. */
  readonly handle: string;
  /** Once is enough; a pending request can still be answered afterwards. */
  release(): Promise<void>;
  /** `await using` releases it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * `session.eventLog.registerInterest`. The first interest in a type also asks again for a server that needs it.
 * @throws RpcError `SESSION_NOT_FOUND` when the session is not loaded, `INVALID_PARAMS`; ConnectionError when the connection ends first.
 * @example
 * ```ts
 * import { registerInterest } from "latchkey/events";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * const session = rpc.session("4f1c…");
 * await using interest = await registerInterest(session, "mcp.oauth_required");
 * const asked = await session.events.wait("mcp.oauth_required");
 * ```
 */
export async function registerInterest(session: SessionRequester, eventType: EventType): Promise<Interest> {
  const { handle } = await session.request("eventLog.registerInterest", { eventType });
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => {
    released ??= session.request("eventLog.releaseInterest", { handle }).then(() => undefined);
    return released;
  };
  return { sessionId: session.id, eventType, handle, release, [Symbol.asyncDispose]: release };
}
