/**
 * What latchkey does, told on tracing channels of `node:diagnostics_channel`. One message goes through all of a channel's events:
 *
 *   start       it begins; the message has what is known then
 *   end         the synchronous part is over
 *   error       it failed: `error` is set
 *   asyncStart, asyncEnd    it is over: `result` or `error` is set
 *
 * A message has ids and names, and nothing secret: no answer, token, header, argument or text of a peer. So the error in it is its name and its code,
 * not the error itself. Without a subscriber no message is made.
 */
import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import { codeOf } from "./code.js";

/** What a failure looks like in a message: its class or name, such as `TimeoutError`, and the code of a latchkey error. */
export interface TraceError {
  /** The error's name. */
  readonly name: string;
  /** Its stable code, where it has one. */
  readonly code?: string;
}

/** Which request of the runtime it is about. */
export interface TracedRequest<Kind extends string = string> {
  /** Its kind. */
  readonly kind: Kind;
  /** The session that asked. */
  readonly sessionId: string;
  /** The runtime's id of it. */
  readonly requestId: string;
  /** The MCP server's name, where it is about one. */
  readonly serverName?: string;
  /** The tool's name, where it is about one. */
  readonly toolName?: string;
  /** The model's id of the tool call, where it is about one. */
  readonly toolCallId?: string;
}

/** Which entry it is about. */
export interface TracedEntry<Kind extends string = string> extends TracedRequest<Kind> {
  /** The entry's id. */
  readonly id: string;
  /** The W3C trace context of what asked, where the entry has one. */
  readonly traceparent?: string;
}

/** A function of `latchkey/oauth` that asks a server. */
export type TracedOAuth =
  | "discover"
  | "chooseClient"
  | "beginCode"
  | "finishCode"
  | "beginDevice"
  | "finishDevice"
  | "clientCredentials"
  | "exchange"
  | "assertion"
  | "refresh"
  | "renew"
  | "revoke";

/** What the message of each channel says from the start on. */
export interface TraceAbout<Kind extends string = string> {
  /** `rpc.request` or `session.request`: from the call to its reply. */
  request: {
    /** The connection. */
    readonly endpoint: string;
    /** The method that is called. */
    readonly method: string;
    /** The session that the params name. */
    readonly sessionId?: string;
    /** The request of the runtime that the params name. */
    readonly requestId?: string;
  };
  /** `ledger.record`: until the entry is on disk. */
  record: TracedRequest<Kind> & {
    /** The W3C trace context of what asked, where it was told. */
    readonly traceparent?: string;
  };
  /** One attempt of `ledger.claim`. The waiting between two attempts is on no channel. */
  claim: {
    /** Who claims. */
    readonly owner: string;
  };
  /** `ledger.answer` and `claim.answer`: until the answer is on disk. */
  answer: TracedEntry<Kind> & {
    /** The claim's number, where there is one. */
    readonly fence?: number;
  };
  /** An answer goes to the runtime, which the ledger knows already: until the runtime's reply is in the ledger. */
  deliver: TracedEntry<Kind> & {
    /** The delivery's number. */
    readonly fence: number;
    /** It was written to the wire before, and no reply was seen. */
    readonly inDoubt: boolean;
  };
  /** A function of `latchkey/oauth` that asks a server. `renew` calls others. */
  oauth: {
    /** The function. */
    readonly step: TracedOAuth;
    /** The authorization server, where it is known. */
    readonly issuer?: string;
    /** The MCP server's URL, without user info, query and fragment. */
    readonly resource?: string;
  };
}

/** What the message of each channel says once it ended well. */
export interface TraceResults<
  Kind extends string = string,
  State extends string = string,
  Outcome extends string = string,
> {
  /** Nothing: what the runtime replied is the caller's. */
  request: undefined;
  /** The entry, new or known. */
  record: { readonly id: string; readonly state: State };
  /** The claim; undefined when there was nothing to claim. */
  claim:
    | (TracedEntry<Kind> & {
        /** The claim's number. */
        readonly fence: number;
        /** How many entries one answer would serve. */
        readonly entries: number;
      })
    | undefined;
  /** The entry. */
  answer: {
    readonly state: State;
    /** Milliseconds from the recording of the entry to its answer, by the database's clock. */
    readonly waitedMs: number;
  };
  /** The entry, and what the runtime made of the answer. */
  deliver: { readonly state: State; readonly outcome?: Outcome };
  /** Of `renew`: how it got its token, or `person` and why. */
  oauth: { readonly how?: string; readonly why?: string };
}

/** `request`, `record`, `claim`, `answer`, `deliver`, `oauth`. */
export type TraceName = keyof TraceAbout;

interface Ends<R> {
  /** What came of it, once it has ended well. */
  result?: R;
  /** Why it failed, once it has. */
  error?: TraceError;
}

/** The message of one channel. */
export type TraceMessage<
  N extends TraceName,
  Kind extends string = string,
  State extends string = string,
  Outcome extends string = string,
> = TraceAbout<Kind>[N] & Ends<TraceResults<Kind, State, Outcome>[N]>;

export const channelName = (name: TraceName): `latchkey:${TraceName}` => `latchkey:${name}`;

const channel = <N extends TraceName>(name: N): TracingChannel<unknown, TraceMessage<N>> =>
  tracingChannel(channelName(name));

/** The channels, by what they are about. Held for good: Node forgets a channel that nobody holds. */
export const channels: { readonly [N in TraceName]: TracingChannel<unknown, TraceMessage<N>> } = {
  request: channel("request"),
  record: channel("record"),
  claim: channel("claim"),
  answer: channel("answer"),
  deliver: channel("deliver"),
  oauth: channel("oauth"),
};

/** Whether anybody listens. Tracing channels have a property for it, but not on Node 20.9. */
const isHeard = ({ start, end, asyncStart, asyncEnd, error }: AnyChannel): boolean =>
  start.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers;
type AnyChannel = Readonly<
  Record<"start" | "end" | "asyncStart" | "asyncEnd" | "error", { readonly hasSubscribers: boolean }>
>;

/**
 * Runs something, and tells those who listen to the channel. `TracingChannel.tracePromise` would put the result itself, and the error itself, into
 * the message.
 */
export function traced<N extends TraceName, T>(
  name: N,
  about: () => TraceAbout[N],
  run: () => Promise<T>,
  resultOf: (value: T) => TraceResults[N],
): Promise<T> {
  const channel = channels[name];
  if (!isHeard(channel)) return run();
  const message = messageOf<TraceAbout[N], TraceResults[N]>(about);
  // A caller's mistake: the call itself says what is wrong.
  if (message === undefined) return run();
  const { start, end, asyncStart, asyncEnd, error } = channel;
  const over = (): void => {
    asyncStart.publish(message);
    asyncEnd.publish(message);
  };
  const running = start.runStores(message, run);
  end.publish(message);
  return running.then(
    (value) => {
      message.result = resultOf(value);
      over();
      return value;
    },
    (reason: unknown) => {
      message.error = traceError(reason);
      error.publish(message);
      over();
      throw reason;
    },
  );
}

function messageOf<A, R>(about: () => A): (A & Ends<R>) | undefined {
  try {
    const ends: Ends<R> = {};
    return Object.assign({}, about(), ends);
  } catch {
    return undefined;
  }
}

/** No peer's words: a name is one word, and a code is one of capitals. */
function traceError(reason: unknown): TraceError {
  const name = reason instanceof Error && /^\w{1,40}$/.test(reason.name) ? reason.name : "Error";
  const code = codeOf(reason);
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? { name, code } : { name };
}
