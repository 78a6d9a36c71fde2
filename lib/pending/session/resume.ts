import * as v from "valibot";
import { waitOf } from "../../base/amounts.js";
import { check } from "../../base/check.js";
import { LatchkeyError } from "../../base/errors.js";
import { checkPrincipal } from "../../base/principal.js";
import type { Events } from "../../events/index.js";
import type {
  EventMap,
  EventType,
  McpServerParams,
  SessionRequester,
  SessionResumeParams,
} from "../../protocol/index.js";
import type { Seed } from "../kinds/kind.js";
import { rowOf } from "../kinds/table.js";
import { type PendingRequest, pendingRequest, wholeData } from "../request.js";
import { resource } from "../url.js";
import { type AskingEvent, readAsked } from "./asked.js";
import { type Attacher, attach } from "./attach.js";
import { attend } from "./attend.js";
import { closedByUnloading, watchInterrupted } from "./interrupted.js";

/** What `resume` needs of a ledger; the ledger's own `Ledger` has it. */
export interface ResumeLedger {
  /** The good answers for what this session asked before on behalf of a principal; `null` is nobody. */
  seeds(
    sessionId: string,
    options: { principal: string | null },
  ): Promise<readonly { request: PendingRequest; answer: unknown; given(): Promise<void> }[]>;
  /** The session is not loaded: requests that cannot survive that are lost; with `all`, every one. */
  lost(sessionId: string, options: { all?: boolean; reason?: string }): Promise<readonly { id: string }[]>;
  /** Writes a request down; the same one twice is one entry. */
  record(request: PendingRequest): Promise<{ id: string; state: string }>;
  /** The answer that a settled request was given; it is written down that it is given again. Nothing when it is open again. */
  giveAgain(id: string, options: { reason?: string }): Promise<unknown>;
}

/** What `resume` needs of an `Rpc`. */
export interface Resumer<S extends ResumedSession = ResumedSession> extends Attacher {
  readonly endpoint: string;
  session(sessionId: string): S;
}

/** What `resume` needs of a `Session`. */
export interface ResumedSession extends SessionRequester {
  /** The session's events. */
  readonly events: Events<EventMap>;
}

/** Options of `resume`. */
export interface ResumeOptions {
  /** Where good answers are taken from, and losses and found requests written down. */
  ledger?: ResumeLedger | undefined;
  /** On whose behalf: only this principal's answers are used; without one, only those given to this session itself. */
  principal?: string | undefined;
  /** Events to register interest in. `mcp.oauth_required` when left out. */
  interest?: readonly EventType[] | undefined;
  /** Milliseconds to wait for servers that are starting (1000): see `AttendOptions`. */
  settleMs?: number | undefined;
  /** Ends the work with the signal's reason. What is loaded by then stays loaded. */
  signal?: AbortSignal | undefined;
}

/** What `resume` found and did. */
export interface Resumed<S extends ResumedSession = ResumedSession> {
  /** The session, loaded and attached to this connection. */
  readonly session: S;
  /** False when the session was loaded already: then this was an attach, and nothing in it was changed. */
  readonly cold: boolean;
  /** Servers that were given a good answer of the ledger before they were started. */
  readonly seeded: readonly string[];
  /** Tool calls that the runtime closed, with this load or with the unloading before it; the model may make them again. */
  readonly interrupted: readonly string[];
  /** Ledger entries whose request died with the earlier load. */
  readonly lost: readonly string[];
  /** Ledger entries that somebody else had answered, and that are open again because the runtime forgot it. */
  readonly reopened: readonly string[];
  /** What waits for an answer now. */
  readonly waiting: readonly AskingEvent[];
  /** Servers that were asked for again. */
  readonly askedAgain: readonly string[];
}

/**
 * Loads a session again with the host's own params, or attaches where it is loaded still, and leaves no question behind.
 * Cold: good answers go into the params of the servers they are for, so those are connected without asking anybody; permissions
 * and external tools wait on under their ids (`continuePendingWork`, unless the params say otherwise).
 * @throws RpcError `NOT_RESUMABLE` when the runtime has nothing on disk: a session without a user message. Its entries are lost.
 * LatchkeyError `BUSY` when the session is loaded and a call on it waits for an answer: an attach would wedge it.
 * @example
 * ```ts
 * import { openLedger } from "latchkey/ledger";
 * import { resume } from "latchkey/pending";
 * import { connect } from "latchkey/rpc";
 *
 * await using ledger = await openLedger("latchkey.db");
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * const { cold, seeded, waiting } = await resume(rpc, { sessionId: "4f1c…" }, { ledger, principal: "ada" });
 * console.log({ cold, seeded, waiting: waiting.map(({ type }) => type) });
 * ```
 */
export async function resume<S extends ResumedSession>(
  rpc: Resumer<S>,
  params: SessionResumeParams,
  { ledger, principal, interest, settleMs, signal }: ResumeOptions = {},
): Promise<Resumed<S>> {
  checkPrincipal(principal);
  if (settleMs !== undefined) waitOf(settleMs, "settleMs");
  const { sessionId } = params;
  const session = rpc.session(sessionId);
  const cold = !(await attached(rpc, params, signal));
  const { closed, off } = watchInterrupted(session);
  try {
    let seeded: string[] = [];
    let lost: readonly { id: string }[] = [];
    // What is loaded under `disableResume` looks as if it were being unloaded still.
    let sent: SessionResumeParams = { continuePendingWork: true, ...params, disableResume: false };
    if (cold && ledger) {
      // In this order: what is lost begins a new load, and what is given from here on was given to that one.
      lost = await ledger.lost(sessionId, { reason: "the session was not loaded" });
      const seeds = await ledger.seeds(sessionId, { principal: principal ?? null });
      // A ledger of somebody else's making may give more than it was asked for.
      const ofPrincipal = seeds.filter(({ request }) => request.principal === principal);
      ({ params: sent, seeded } = await seed(sent, ofPrincipal));
    }
    try {
      if (cold) {
        await rpc.request("session.resume", sent, { signal });
        noteResumed(rpc, sessionId);
      }
    } catch (error) {
      if (cold && ledger && error instanceof LatchkeyError && error.code === "NOT_RESUMABLE")
        await ledger.lost(sessionId, { all: true, reason: "the runtime has nothing of the session on disk" });
      throw error;
    }
    const attended = await attend(session, { interest, settleMs, signal });
    const interrupted = cold ? [...(await closedByUnloading(session, { signal })), ...closed()] : [];
    const reopened: string[] = [];
    if (ledger)
      for (const event of attended.events) {
        const request = pendingRequest(event, { sessionId, endpoint: rpc.endpoint, principal });
        const { id, state } = await ledger.record(request);
        if (!cold || state !== "settled" || !(await waits(session, request, signal))) continue;
        if (!(await giveAgain(rpc, ledger, { request, id, signal }))) reopened.push(id);
      }
    return {
      session,
      cold,
      seeded,
      interrupted: [...new Set(interrupted)],
      lost: lost.map(({ id }) => id),
      reopened,
      waiting: attended.events,
      askedAgain: attended.askedAgain,
    };
  } finally {
    off();
  }
}

/** Whether the log still shows a request as open: what was settled a moment ago is not what the runtime forgot. */
async function waits(
  session: SessionRequester,
  { requestId }: PendingRequest,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { events } = await readAsked(session, { signal });
  return events.some(({ data }) => data.requestId === requestId);
}

/**
 * The runtime took an answer and was killed before that was on its disk: it waits again, and nobody else will answer. It takes the same
 * answer once at most. False when the ledger has none: somebody else had answered, and a broker has to now.
 */
async function giveAgain<S extends ResumedSession>(
  rpc: Resumer<S>,
  ledger: ResumeLedger,
  { request, id, signal }: { request: PendingRequest; id: string; signal: AbortSignal | undefined },
): Promise<boolean> {
  const row = rowOf(request.kind);
  const answer = await ledger.giveAgain(id, { reason: "the runtime was killed before it had the answer on disk" });
  if (answer === undefined) return false;
  const checked = check(row.answer, answer, `answer to ${request.kind}`);
  await row.send(rpc.session(request.sessionId), request.requestId, checked, { signal });
  return true;
}

/** False when the session is not loaded. */
async function attached(rpc: Attacher, params: SessionResumeParams, signal: AbortSignal | undefined): Promise<boolean> {
  const names = Object.keys(params.mcpServers ?? {});
  // Of a load that no event began: an attach that came too late has made it where none of the host's servers are there.
  const isWanted = async (session: SessionRequester): Promise<boolean> => {
    const { servers } = await session.request("mcp.list", {}, { signal });
    return servers.some(({ name }) => names.includes(name));
  };
  try {
    await attach(rpc, attachOnly(params), { isWanted, signal });
    return true;
  } catch (error) {
    if (error instanceof LatchkeyError && error.code === "SESSION_NOT_FOUND") return false;
    throw error;
  }
}

/** On a loaded session most params would change it: model, provider and servers are replaced. These only add what a client brings. */
function attachOnly(params: SessionResumeParams): SessionResumeParams {
  const { sessionId, tools, commands } = params;
  const { requestPermission, requestElicitation, requestMcpApps, requestAutoModeSwitch } = params;
  const added = { tools, commands, requestPermission, requestElicitation, requestMcpApps, requestAutoModeSwitch };
  const wanted = Object.entries(added).filter(([, value]) => value !== undefined && value !== false);
  return { sessionId, ...Object.fromEntries(wanted) };
}

/** Puts each answer where the runtime looks when it starts the server. The host's own headers stay. */
async function seed(
  params: SessionResumeParams,
  seeds: Awaited<ReturnType<ResumeLedger["seeds"]>>,
): Promise<{ params: SessionResumeParams; seeded: string[] }> {
  const servers: Record<string, McpServerParams> = { ...params.mcpServers };
  const seeded: string[] = [];
  for (const { request, answer, given } of seeds) {
    const offer = seedOf(request, answer);
    const server = offer && servers[offer.serverName];
    if (!server || !("url" in server) || resource(server.url) !== resource(offer.url)) continue;
    // A token belongs to the client that it was issued to (RFC 6749 section 10.3); the host may have changed its own.
    if (server.oauthClientId !== undefined && server.oauthClientId !== offer.clientId) continue;
    const offered = Object.keys(offer.headers).map((name) => name.toLowerCase());
    if (Object.keys(server.headers ?? {}).some((name) => offered.includes(name.toLowerCase()))) continue;
    await given();
    servers[offer.serverName] = { ...server, headers: { ...server.headers, ...offer.headers } };
    seeded.push(offer.serverName);
  }
  return { params: seeded.length === 0 ? params : { ...params, mcpServers: servers }, seeded };
}

/** What the kind makes of a good answer before it is asked for; nothing of one that its schema refuses. */
function seedOf(request: PendingRequest, answer: unknown): Seed | undefined {
  const row = rowOf(request.kind);
  const { success, output } = v.safeParse(row.answer, answer);
  return success && row.seed ? row.seed(wholeData(request), output) : undefined;
}

/** Sessions that this process resumed, by connection. */
const resumed = new WeakMap<object, Set<string>>();

function noteResumed(rpc: object, sessionId: string): void {
  resumed.set(rpc, (resumed.get(rpc) ?? new Set()).add(sessionId));
}

/** Whether this process resumed the session over this connection: then the runtime at the other end has loaded it. */
export const hasResumed = (rpc: object, sessionId: string): boolean => resumed.get(rpc)?.has(sessionId) ?? false;
