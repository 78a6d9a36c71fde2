/** Sessions that this process loaded again, by the connection over which it did. */
const resumed = new WeakMap<object, Set<string>>();

export function noteResumed(rpc: object, sessionId: string): void {
  resumed.set(rpc, (resumed.get(rpc) ?? new Set()).add(sessionId));
}

/** What listens at the other end of this connection is a runtime that loaded the session for us. */
export const hasResumed = (rpc: object, sessionId: string): boolean => resumed.get(rpc)?.has(sessionId) ?? false;
