import type { EventType, SessionRequester } from "../protocol/index.js";

/** A registration that makes the runtime delegate an event type. It belongs to the session, not to the connection. */
export interface Interest {
  readonly sessionId: string;
  readonly eventType: EventType;
  /** The runtime's own name for it; any connection may release it. */
  readonly handle: string;
  /** Once is enough; a pending request can still be answered afterwards. */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `session.eventLog.registerInterest`. The first interest in a type also asks again for a server that needs it. */
export async function registerInterest(session: SessionRequester, eventType: EventType): Promise<Interest> {
  const { handle } = await session.request("eventLog.registerInterest", { eventType });
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => {
    released ??= session.request("eventLog.releaseInterest", { handle }).then(() => undefined);
    return released;
  };
  return { sessionId: session.id, eventType, handle, release, [Symbol.asyncDispose]: release };
}
