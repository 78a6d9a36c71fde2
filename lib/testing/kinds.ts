/**
 * The twelve questions that a runtime asks, as the fake asks and takes them. tests/testing compares this table with the one of
 * `latchkey/pending`, and what each method makes of rubbish with both real runtimes.
 */

import { isRecord } from "../base/record.js";
import type { EventMap } from "../protocol/index.js";
import type { Traits } from "./likeness.js";

/** What a runtime makes of an answer: takes it as it is, says `success: false` and waits on, or says an error and waits on. */
export type Verdict = { readonly take: unknown } | { readonly refuse: true } | { readonly error: string };

type Params = Readonly<Record<string, unknown>>;

export interface Row {
  readonly completed: string;
  /** The method that answers it, without `session.`. */
  readonly respond: string;
  /** Lives in the log of this load alone; otherwise it is on disk. */
  readonly ephemeral: boolean;
  /** Says `success: true` to any answer, also to one that nobody asked for. */
  readonly saysYes?: true;
  /** The error of a request id that is no text. */
  readonly noId: string;
  judge(params: Params, traits: Traits): Verdict;
  /** What the completed event says besides the request id. */
  told(answer: unknown): Params;
}

/** Kinds whose answer is taken whatever it is, when the parameter that holds it is there. */
const anything =
  (field: string) =>
  (params: Params): Verdict =>
    params[field] === undefined ? { error: `missing parameter '${field}'` } : { take: params[field] };

const spread = (answer: unknown): Params => (isRecord(answer) ? answer : {});
const nothing = (): Params => ({});

const oauth: Row = {
  completed: "mcp.oauth_completed",
  respond: "mcp.oauth.handlePendingRequest",
  ephemeral: true,
  noId: "missing string parameter 'requestId'",
  judge({ result }, { newer }) {
    if (!isRecord(result)) return { refuse: true };
    if (result.kind === "cancelled" || (newer && result.kind === "runtimeRefresh")) return { take: result };
    if (result.kind !== "token") return { refuse: true };
    if (typeof result.accessToken === "string") return { take: result };
    return { error: "MCP OAuth token response is missing accessToken" };
  },
  told: (answer) => ({ outcome: isRecord(answer) && answer.kind !== "cancelled" ? "token" : "cancelled" }),
};

const headers: Row = {
  completed: "mcp.headers_refresh_completed",
  respond: "mcp.headers.handlePendingHeadersRefreshRequest",
  ephemeral: true,
  noId: "missing string parameter 'requestId'",
  judge({ result }) {
    if (!isRecord(result)) return { error: "MCP headers refresh response requires an object parameter 'result'" };
    if (result.kind === "none" || result.kind === "error") return { take: result };
    if (result.kind !== "headers")
      return { error: "MCP headers refresh response requires result.kind to be 'headers', 'none', or 'error'" };
    const map = result.headers;
    if (isRecord(map) && Object.values(map).every((value) => typeof value === "string")) return { take: result };
    return { error: "MCP headers refresh response requires 'headers' to be an object of string values" };
  },
  told: (answer) => ({ outcome: isRecord(answer) ? answer.kind : "none" }),
};

const decisions: Readonly<Record<string, string>> = {
  "approve-once": "approved",
  "approve-for-session": "approved-for-session",
  "approve-for-location": "approved-for-location",
  "approve-permanently": "approved",
  reject: "denied-interactively-by-user",
  "user-not-available": "denied-no-approval-rule-and-could-not-request-from-user",
};

const permission: Row = {
  completed: "permission.completed",
  respond: "permissions.handlePendingPermissionRequest",
  ephemeral: false,
  noId: "Expected string parameter 'requestId'",
  judge: ({ result }) => ({ take: result ?? null }),
  told(answer) {
    if (!isRecord(answer)) return { result: answer };
    const { kind, ...rest } = answer;
    return { result: { kind: decisions[String(kind)] ?? kind, ...rest } };
  },
};

const externalTool: Row = {
  completed: "external_tool.completed",
  respond: "tools.handlePendingToolCall",
  ephemeral: false,
  noId: "Expected string parameter 'requestId'",
  judge: ({ result, error }) => ({ take: error === undefined ? { result } : { error } }),
  told: nothing,
};

const ui = (name: string, row: Pick<Row, "judge" | "told"> & { completed: string }): Row => ({
  respond: `ui.handlePending${name}`,
  ephemeral: true,
  noId: "missing parameter 'requestId'",
  ...row,
});

export const rows = {
  "mcp.oauth_required": oauth,
  "mcp.headers_refresh_required": headers,
  "permission.requested": permission,
  "external_tool.requested": externalTool,
  "elicitation.requested": ui("Elicitation", {
    completed: "elicitation.completed",
    judge: anything("result"),
    told: spread,
  }),
  "user_input.requested": ui("UserInput", {
    completed: "user_input.completed",
    judge: anything("response"),
    told: spread,
  }),
  "exit_plan_mode.requested": ui("ExitPlanMode", {
    completed: "exit_plan_mode.completed",
    judge: anything("response"),
    told: spread,
  }),
  "sampling.requested": ui("Sampling", {
    completed: "sampling.completed",
    judge: ({ response }) => ({ take: response ?? null }),
    told: nothing,
  }),
  "auto_mode_switch.requested": ui("AutoModeSwitch", {
    completed: "auto_mode_switch.completed",
    judge: anything("response"),
    told: (answer) => ({ response: answer }),
  }),
  "session_limits_exhausted.requested": ui("SessionLimitsExhausted", {
    completed: "session_limits_exhausted.completed",
    judge: anything("response"),
    told: (answer) => ({ response: answer }),
  }),
  "command.execute": {
    completed: "command.completed",
    respond: "commands.handlePendingCommand",
    ephemeral: true,
    saysYes: true,
    noId: "missing or non-string parameter 'requestId'",
    judge: ({ error }: Params) => ({ take: error === undefined ? {} : { error } }),
    told: nothing,
  },
  "command.queued": {
    completed: "command.completed",
    respond: "commands.respondToQueuedCommand",
    ephemeral: true,
    noId: "missing or non-string parameter 'requestId'",
    judge: anything("result"),
    told: nothing,
  },
} satisfies Record<string, Row>;

/** The event that asks. */
export type KindName = keyof typeof rows & keyof EventMap;

/** Whether an event type is that of a kind which the fake can ask. */
export const isKind = (name: string): name is KindName => Object.hasOwn(rows, name);

export const rowOf = (kind: KindName): Row => rows[kind];

/** A part of a shape, at any depth. */
type Part<T> = T extends object ? { readonly [P in keyof T]?: Part<T[P]> } : T;

/** What an asking event says besides its request id; what a test leaves out is made up. */
export type AskedData<K extends KindName> = Part<Omit<EventMap[K]["data"], "requestId">>;
