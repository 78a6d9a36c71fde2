import { waitOf } from "../../base/amounts.js";
import { LatchkeyError, type RpcError } from "../../base/errors.js";
import { type Events, type Interest, registerInterest } from "../../events/index.js";
import { readLog } from "../../events/internal.js";
import type { EventMap, EventType, SessionEvent, SessionRequester } from "../../protocol/index.js";
import { isKind, rowOf } from "../kinds/table.js";
import { type AskingEvent, compareTools, createAsked } from "./asked.js";

/** How long a server is waited for before it is asked for again, unless `settleMs` says otherwise. */
const defaultSettleMs = 1000;
/** No server starts for longer than this. `settleMs: Infinity` is about asking. */
const longestStartMs = 30_000;

/** Options of `attend`. */
export interface AttendOptions {
  /** Events to register interest in. `mcp.oauth_required` when left out. */
  interest?: readonly EventType[] | undefined;
  /**
   * Milliseconds to wait for a server that is starting, and for the runtime's own request for one in `needs-auth` before it is
   * asked for again (1000). 0 waits for nothing and asks at once, which takes 1.0.102 ten seconds when its own request is on the way; Infinity waits for starting servers and never asks.
   */
  settleMs?: number | undefined;
  /** Ends the work with the signal's reason. Interest that is registered by then stays. */
  signal?: AbortSignal | undefined;
}

/** What `attend` found and did. */
export interface Attended {
  /** The registrations that were made. Release them when you stop listening. */
  readonly interests: readonly Interest[];
  /** What waits for an answer, as far as log and events tell, in order. */
  readonly events: readonly AskingEvent[];
  /** Servers that stood in `needs-auth` with no request open and were asked for again. */
  readonly askedAgain: readonly string[];
  /** False when the log has dropped events: a request may be open that is not in `events`. */
  readonly whole: boolean;
}

/**
 * Leaves no window in which a question is missed: listen, register interest, read what was asked before, look at the servers,
 * and ask again for one that needs a token while no request for it is open. The session must be attached.
 *
 * A server is asked for again by `session.mcp.oauth.authenticationStateChanged`: it brings a new request although it answers
 * with an error. While a request is open it would supersede it, so the runtime's own request is waited for first: the first
 * interest in a type brings one by itself, but mostly not after a turn.
 * @throws RpcError `SESSION_NOT_FOUND` when the session is not loaded; ConnectionError when the connection ends first.
 * @example
 * ```ts
 * import { attend, pendingRequest } from "latchkey/pending";
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * const session = rpc.session("4f1c…");
 * const { events } = await attend(session, { interest: ["mcp.oauth_required", "user_input.requested"] });
 * for (const event of events) console.log(pendingRequest(event, { sessionId: session.id }).kind);
 * ```
 */
export async function attend(
  session: SessionRequester & { readonly events: Events<EventMap> },
  { interest = ["mcp.oauth_required"], settleMs = defaultSettleMs, signal }: AttendOptions = {},
): Promise<Attended> {
  waitOf(settleMs, "settleMs");
  const view = createView();
  const later: SessionEvent[] = [];
  let replayed = false;
  const off = session.events.on("*", (event) => {
    if (replayed) view.see(event);
    else later.push(event);
  });
  try {
    const interests: Interest[] = [];
    for (const eventType of new Set(interest)) interests.push(await registerInterest(session, eventType));
    const read = new Set<string>();
    const see = (event: SessionEvent): void => {
      read.add(event.id);
      view.see(event);
    };
    const { whole } = await readLog(session, see, { signal });
    // Of the events that came while the log was being read, those that it does not have stand behind it.
    for (const event of later) if (!read.has(event.id)) view.see(event);
    replayed = true;
    await compareTools(session, view.asked, { signal });

    let askedAgain: string[] = [];
    const rows = interest.filter(isKind).map(rowOf);
    if (rows.some(({ serverInNeed }) => serverInNeed)) {
      // A call that waits wedges the session: where `mcp.list` may have to wait, the log must do.
      const mayWait = rows.some(({ blocksServerList }) => blocksServerList) || view.blocksServerList();
      if (!mayWait) view.list((await session.request("mcp.list", {}, { signal })).servers);
      const reconciled = view.servers().map((name) => reconcile(session, name, view, { settleMs, signal }));
      askedAgain = (await Promise.all(reconciled)).flat();
    }
    return { interests, events: view.open(), askedAgain, whole };
  } finally {
    off();
  }
}

/** What log and events tell about questions and servers, in order. */
function createView() {
  const asked = createAsked();
  const statuses = new Map<string, string>();
  return {
    asked,
    open: asked.open,
    servers: () => [...statuses.keys()],
    status: (name: string) => statuses.get(name),
    hasOpen: (name: string) => asked.open().some(({ type, data }) => rowOf(type).serverInNeed?.({ ...data }) === name),
    blocksServerList: () => asked.open().some(({ type }) => rowOf(type).blocksServerList),
    list(servers: readonly { name: string; status: string }[]): void {
      for (const { name, status } of servers) statuses.set(name, status);
    },
    see(event: SessionEvent): void {
      asked.see(event);
      if (event.type === "session.mcp_server_status_changed") statuses.set(event.data.serverName, event.data.status);
      // What is persisted of an earlier load says nothing about this one.
      else if (event.type === "session.resume") statuses.clear();
    },
  };
}

type View = ReturnType<typeof createView>;

/** Returns the server's name when it was asked for again. */
async function reconcile(
  session: SessionRequester & { readonly events: Events<EventMap> },
  name: string,
  view: View,
  { settleMs, signal }: { settleMs: number; signal: AbortSignal | undefined },
): Promise<string[]> {
  const wait = (until: () => boolean): Promise<boolean> => comes(session, until, settleMs, signal);
  const never = settleMs === Number.POSITIVE_INFINITY;
  // A server flaps between the two while it starts and while its request is on the way.
  const unsettled = (status: string | undefined): boolean =>
    !view.hasOpen(name) && (status === "pending" || (status === "needs-auth" && !never));
  for (let status = view.status(name); settleMs > 0 && unsettled(status); status = view.status(name))
    if (!(await wait(() => view.hasOpen(name) || view.status(name) !== status))) break;
  if (view.status(name) !== "needs-auth" || view.hasOpen(name) || never) return [];
  await askAgain(session, name, signal);
  if (!view.hasOpen(name) && settleMs > 0) await wait(() => view.hasOpen(name));
  return [name];
}

/** Waits for an event after which `until` holds. False when none comes in time. */
async function comes(
  session: { readonly events: Events<EventMap> },
  until: () => boolean,
  settleMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const timeoutMs = Math.min(settleMs, longestStartMs);
  try {
    await session.events.wait("*", { where: until, timeoutMs, signal });
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
