import type { RequestOptions } from "../../protocol/index.js";
import { type Attacher, attach } from "./attach.js";

/** Options of `hold`. */
export interface HoldOptions extends RequestOptions {
  /** Keep `requestElicitation` alive when the owner's connection drops. */
  elicitation?: boolean | undefined;
  /** Keep `requestMcpApps` alive when the owner's connection drops. */
  mcpApps?: boolean | undefined;
  /** Attach even where the event log shows that a call on the session waits for an answer: for when its caller is known to be gone. */
  evenIfBusy?: boolean | undefined;
}

/** This connection's attachment to a session. While one connection is attached, the session stays loaded. */
export interface Hold {
  /** The session that is held. */
  readonly sessionId: string;
  /** `session.destroy`: detaches this connection, and with it the owner's own attachment where that is the same connection. */
  release(): Promise<void>;
  /** `await using` releases it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Attaches to a loaded session so that it outlives its owner's connection. It changes nothing in the session.
 * Call it right after create: an attach waits for every call on the session that is out, and every later call, an answer
 * included, queues behind it. `timeoutMs` and `signal` end our wait, not that queue.
 * @throws RpcError `SESSION_NOT_FOUND` when the session is not loaded, or was being unloaded: holding does not load it. LatchkeyError `BUSY` when the
 * event log shows that a call on it waits for an answer; nothing was sent then.
 * ConnectionError when the connection ends first.
 * @example
 * ```ts
 * import { hold } from "latchkey/pending";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * rpc.events.on("session.lifecycle", async ({ sessionId, event }) => {
 *   if (event.type === "session.created") await hold(rpc, sessionId, { timeoutMs: 10_000 });
 * });
 * await rpc.closed;
 * ```
 */
export async function hold(
  rpc: Attacher,
  sessionId: string,
  { elicitation, mcpApps, evenIfBusy, ...options }: HoldOptions = {},
): Promise<Hold> {
  const flags = { ...(elicitation ? { requestElicitation: true } : {}), ...(mcpApps ? { requestMcpApps: true } : {}) };
  await attach(rpc, { sessionId, ...flags }, { evenIfBusy, ...options });
  let released: Promise<void> | undefined;
  const release = (): Promise<void> => {
    released ??= rpc.request("session.destroy", { sessionId }).then(() => undefined);
    return released;
  };
  return { sessionId, release, [Symbol.asyncDispose]: release };
}
