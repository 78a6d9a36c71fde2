/** The runtimes that the fake can be like. */
export const likenesses = ["1.0.85", "1.0.102"] as const;
/** The version of a runtime that the fake can be like. */
export type Likeness = (typeof likenesses)[number];

/** Where the two runtimes differ, as the contract suite has seen it. Everything else is alike in both. */
export interface Traits {
  readonly version: Likeness;
  /** Connections at a time; the next one connects, and its `connect` is never answered. */
  readonly connections: number;
  /** The longest frame, in bytes. */
  readonly frameBytes: number;
  /** After a malformed header: closes the connection, or leaves it open and answers nothing more. */
  readonly hangsUpOnBadHeader: boolean;
  /** `runtime.shutdown` ends it; otherwise it stays, and refuses every call from then on. */
  readonly shutsDown: boolean;
  /** Checks that `model` is text. */
  readonly checksModel: boolean;
  /** Announces a session to everybody before its creator has the response. */
  readonly announcesFirst: boolean;
  /** A tool call that asked something is made again on a cold resume; otherwise it is closed as interrupted. */
  readonly repeatsCalls: boolean;
  /** Sampling is asked only with interest; otherwise always. */
  readonly samplesByInterest: boolean;
  /** The ability to call MCP apps goes with the connection that brought it. */
  readonly withdrawsApps: boolean;
  /** A long poll with a type filter ends with any event; otherwise only with one of its types. */
  readonly anyEventEndsPoll: boolean;
  /** A server that an interest has started is asked for once more when the first request is cancelled. */
  readonly asksTwice: boolean;
  /** A plan counts as approved when `approved` is anything but false or nothing; otherwise only when it is true. */
  readonly approvesByAnything: boolean;
  /** An OAuth answer that comes after its turn was suspended or aborted is taken. */
  readonly takesLateTokens: boolean;
  /** `permissions.pendingRequests` lists permissions that a cold resume without `continuePendingWork` has dropped. */
  readonly listsGhosts: boolean;
  /** Has `session.tools.listPendingRequests`, and further fields and events of its generation. */
  readonly newer: boolean;
}

export const traits: Readonly<Record<Likeness, Traits>> = {
  "1.0.85": {
    version: "1.0.85",
    connections: 128,
    frameBytes: 536_870_912,
    hangsUpOnBadHeader: false,
    shutsDown: false,
    checksModel: false,
    announcesFirst: false,
    repeatsCalls: true,
    samplesByInterest: true,
    withdrawsApps: false,
    anyEventEndsPoll: true,
    asksTwice: true,
    approvesByAnything: true,
    takesLateTokens: true,
    listsGhosts: true,
    newer: false,
  },
  "1.0.102": {
    version: "1.0.102",
    connections: Number.POSITIVE_INFINITY,
    frameBytes: Number.MAX_SAFE_INTEGER,
    hangsUpOnBadHeader: true,
    shutsDown: true,
    checksModel: true,
    announcesFirst: true,
    repeatsCalls: false,
    samplesByInterest: false,
    withdrawsApps: true,
    anyEventEndsPoll: false,
    asksTwice: false,
    approvesByAnything: false,
    takesLateTokens: false,
    listsGhosts: false,
    newer: true,
  },
};
