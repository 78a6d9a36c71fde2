import { LatchkeyError, type RpcError } from "../errors.js";
import { type Events, type Interest, registerInterest } from "../events/index.js";
import type { EventMap, EventType, SessionRequester } from "../protocol/index.js";
import { type AskingEvent, createAsked, readAsked } from "./asked.js";

export interface AttendOptions {
  /** Events to register interest in. `mcp.oauth_required` when left out. */
  interest?: readonly EventType[] | undefined;
  /**
   * Milliseconds to wait for the runtime's own request for a server in `needs-auth`, before it is asked for again (1000).
   * 0 asks at once, Infinity never.
   */
  settleMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Attended {
  readonly interests: readonly Interest[];
  /** What waits for an answer, as far as log and events tell, in order. */
  readonly events: readonly AskingEvent[];
  /** Servers that stood in `needs-auth` with no request open and were asked for again. */
  readonly askedAgain: readonly string[];
  /** False when the log has let go of events: a request may be open that nothing shows. */
  readonly whole: boolean;
}

/**
 * Leaves no window in which a question is missed: listen, register interest, read what was asked before, look at the servers,
 * and ask again for one that needs a token while no request for it is open. The session must be attached.
 *
 * A server is asked for again by `session.mcp.oauth.authenticationStateChanged`: it brings a new request although it answers
 * with an error. While a request is open it would supersede it, so the runtime's own request is waited for first: the first
 * interest in a type brings one by itself.
 */
export async function attend(
  session: SessionRequester & { readonly events: Events<EventMap> },
  { interest = ["mcp.oauth_required"], settleMs = 1000, signal }: AttendOptions = {},
): Promise<Attended> {
  const asked = createAsked();
  const later: EventMap[EventType][] = [];
  let replayed = false;
  const off = session.events.on("*", (event) => {
    if (replayed) asked.see(event);
    else later.push(event);
  });
  try {
    const interests: Interest[] = [];
    for (const eventType of new Set(interest)) interests.push(await registerInterest(session, eventType));
    const log = await readAsked(session, { signal });
    for (const event of log.events) asked.see(event);
    // Events that came while the log was being read stand behind it, whether it has them or not.
    for (const event of later) asked.see(event);
    replayed = true;

    const askedAgain: string[] = [];
    const blocked = asked.open().some((event) => event.type === "mcp.headers_refresh_required");
    // `mcp.list` waits for a headers request to be answered, and would wedge the session meanwhile.
    if (interest.includes("mcp.oauth_required") && !blocked) {
      const hasOpen = (name: string): boolean =>
        asked.open().some((event) => event.type === "mcp.oauth_required" && event.data.serverName === name);
      const { servers } = await session.request("mcp.list", {}, { signal });
      for (const { name, status } of servers) {
        if (status !== "needs-auth" || hasOpen(name) || settleMs === Number.POSITIVE_INFINITY) continue;
        if (settleMs > 0 && (await comes(session, name, settleMs, signal))) continue;
        if (hasOpen(name)) continue;
        await askAgain(session, name, signal);
        askedAgain.push(name);
      }
    }
    return { interests, events: asked.open(), askedAgain, whole: log.whole };
  } finally {
    off();
  }
}

async function comes(
  session: { readonly events: Events<EventMap> },
  serverName: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await session.events.wait("mcp.oauth_required", {
      where: ({ data }) => data.serverName === serverName,
      timeoutMs,
      signal,
    });
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError" && !signal?.aborted) return false;
    throw error;
  }
}

async function askAgain(session: SessionRequester, serverName: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await session.request("mcp.oauth.authenticationStateChanged", { serverName }, { signal });
  } catch (error) {
    // "still requires auth": it says so, and asks.
    if (!isRemote(error)) throw error;
  }
}

function isRemote(error: unknown): error is RpcError {
  return error instanceof LatchkeyError && error.code === "RPC";
}
