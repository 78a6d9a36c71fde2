/** A loaded session: what it is made of, and the events that everything else about it is told by. */
import type { Clock } from "./clock.js";
import { createGate, type Gate } from "./gate.js";
import type { KindName } from "./kinds.js";
import type { Traits } from "./likeness.js";
import { createLog, type Log, type LogEvent } from "./log.js";
import type { Message, Peer } from "./peer.js";
import type { Random } from "./random.js";

type Data = Readonly<Record<string, unknown>>;

/** What outlives a load, and the runtime. */
export interface Stored {
  readonly id: string;
  /** ISO 8601. */
  readonly startTime: string;
  readonly events: LogEvent[];
  /** What each tool call would ask if it were made again. */
  readonly calls: Map<string, ToolCall>;
  /** The title: the first prompt. Without one the session cannot be resumed. */
  title?: string;
}

/** A tool call of the model, as a test has scripted it. */
export interface ToolCall {
  readonly id: string;
  readonly toolName: string;
  readonly arguments: Data;
  /** The MCP server that has the tool. */
  readonly serverName?: string | undefined;
  /** What the tool asks while it runs. */
  readonly asks: KindName;
  readonly data: Data;
  /** What the tool gives when nothing it asked says otherwise. */
  readonly gives: string;
}

/** What the model does next. */
export type Reply =
  | { readonly text: string }
  | { readonly ask: KindName; readonly data?: Data | undefined; readonly requestId?: string | undefined };

export interface Turn {
  readonly interactionId: string;
  readonly calls: Map<string, ToolCall>;
  number: number;
}

/** What a connection has brought to the session. */
export interface Attachment {
  readonly flags: ReadonlySet<string>;
  readonly tools: readonly string[];
  readonly commands: readonly { readonly name: string }[];
}

export interface Asked {
  readonly id: string;
  readonly kind: KindName;
  readonly data: Data;
  readonly call?: ToolCall | undefined;
  /** The connection that asked for the question by a flag. */
  readonly owner?: Peer | undefined;
  /** `deaf`: an answer is taken, and nobody is there to hear it. */
  state: "open" | "deaf" | "over";
  readonly weigh?: ((answer: unknown) => unknown) | undefined;
  /** Goes on with the answer. */
  readonly settle: (answer: unknown) => void;
  /** Ends the call of a client that waits for the answer. */
  readonly fail?: ((reason: Error) => void) | undefined;
  /** Takes back what was set for it. */
  readonly cleanups: (() => void)[];
}

export type ServerStatus = "not_configured" | "pending" | "needs-auth" | "connected" | "disabled" | "failed";

export interface Server {
  readonly name: string;
  readonly url: string;
  readonly config: Data;
  status: ServerStatus;
  started: boolean;
  /** It has taken a token, which is good for this load alone. */
  authorized: boolean;
  /** The token; the server may take it no longer. */
  token?: string | undefined;
  /** The runtime has signed in by itself, and can refresh. */
  own: boolean;
  /** The request that is open for it. */
  asked?: Asked | undefined;
  /** Ids that a test was given before there was interest. */
  readonly reserved: { readonly id: string; readonly data: Data }[];
  /** Calls that wait until it has settled. */
  readonly waiting: (() => void)[];
}

/** What a session needs of the runtime that it is in. */
export interface Surroundings {
  readonly traits: Traits;
  readonly random: Random;
  readonly clock: Clock;
  readonly folder: string;
  /** Asks, and starts servers, before there is interest. */
  readonly asksEarly: boolean;
  /** What the model says where nothing is scripted. */
  says(session: Session): Reply | undefined;
  /** Whether a server takes a token. */
  accepts(token: string, server: { serverName: string; serverUrl: string; sessionId: string }): boolean;
  /** Runs in a turn of the event loop of its own, unless the runtime is gone by then. */
  soon(act: () => void): void;
  broadcast(message: Message): void;
  /** Said of every answer that came. */
  answered(answer: { sessionId: string; requestId: string; kind: KindName; answer: unknown; accepted: boolean }): void;
}

export interface Session {
  readonly id: string;
  readonly stored: Stored;
  readonly around: Surroundings;
  readonly log: Log;
  readonly gate: Gate;
  readonly attached: Map<Peer, Attachment>;
  /** Event type by handle. */
  readonly interests: Map<string, string>;
  readonly asked: Map<string, Asked>;
  readonly servers: Map<string, Server>;
  /** Sign-ins of the runtime's own that nobody has finished, by their ids. */
  readonly logins: Map<string, Server>;
  /** Prompts that came while a turn ran. */
  readonly queue: { prompt: string; mode: string | undefined; messageId: string }[];
  readonly script: Reply[];
  /** Permissions that `permissions.pendingRequests` lists though nobody can answer them. */
  readonly ghosts: { requestId: string; request: unknown }[];
  /** Tool calls that are written down as failed with the next message. */
  readonly unfinished: ToolCall[];
  turn: Turn | undefined;
  loaded: boolean;
  /** The model's next words in a turn whose calls are over. */
  goOn(turn: Turn): void;
  handles: number;
  mode: string;
  name: string | null;
  model: unknown;
  /** Where the model is, as the session's `provider` says. */
  modelUrl: string | undefined;
  /** Once asked for, permissions are asked for as long as the session is loaded. */
  asksPermission: boolean;
  limits: boolean;
  apps: boolean;
  modified: string;
}

export function createSession(
  stored: Stored,
  around: Surroundings,
  goOn: (session: Session, turn: Turn) => void,
): Session {
  const session: Session = {
    id: stored.id,
    stored,
    around,
    log: createLog(stored.events, around),
    gate: createGate(),
    attached: new Map(),
    interests: new Map(),
    asked: new Map(),
    servers: new Map(),
    logins: new Map(),
    queue: [],
    script: [],
    ghosts: [],
    unfinished: [],
    turn: undefined,
    loaded: true,
    goOn: (turn) => goOn(session, turn),
    handles: 0,
    mode: "interactive",
    name: null,
    model: undefined,
    modelUrl: undefined,
    asksPermission: false,
    limits: false,
    apps: false,
    modified: stored.startTime,
  };
  return session;
}

export interface EmitOptions {
  readonly ephemeral?: boolean;
  /** The connections that hear it; all that are attached when left out. */
  readonly to?: readonly Peer[];
}

export function emit(
  session: Session,
  type: string,
  data: Data,
  { ephemeral = false, to }: EmitOptions = {},
): LogEvent {
  const event = session.log.append(type, data, { ephemeral });
  const params = { sessionId: session.id, event };
  for (const peer of to ?? [...session.attached.keys()]) peer.send({ jsonrpc: "2.0", method: "session.event", params });
  if (!ephemeral) {
    session.modified = event.timestamp;
    announce(session, "session.updated");
  }
  return event;
}

export function announce(session: Session, type: string): void {
  const metadata = { startTime: session.stored.startTime, modifiedTime: session.modified };
  const params = { type, sessionId: session.id, ...(type === "session.deleted" ? {} : { metadata }) };
  session.around.broadcast({ jsonrpc: "2.0", method: "session.lifecycle", params });
}

export const hasInterest = (session: Session, type: string): boolean =>
  session.around.asksEarly || [...session.interests.values()].includes(type);

/** Whether a connection that is attached has this flag. */
export const hasFlag = (session: Session, flag: string): boolean =>
  [...session.attached.values()].some(({ flags }) => flags.has(flag));

export const flagOwner = (session: Session, flag: string): Peer | undefined =>
  [...session.attached].find(([, { flags }]) => flags.has(flag))?.[0];

export function capabilities(session: Session): { ui: Record<string, boolean>; extensions: boolean } {
  const mcpApps = session.around.traits.withdrawsApps ? hasFlag(session, "requestMcpApps") : session.apps;
  return { ui: { elicitation: hasFlag(session, "requestElicitation"), mcpApps, canvases: false }, extensions: false };
}
