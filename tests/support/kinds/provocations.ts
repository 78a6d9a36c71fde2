import type { AnswerOf, KindName } from "latchkey/pending";
import type { Session } from "latchkey/rpc";
import type { EventType, SessionCreateParams } from "../../../lib/protocol/index.js";
import type { Reply } from "../world.js";

export interface KindPlaces {
  readonly modelUrl: string;
  /** The asking MCP server. */
  readonly mcpUrl: string;
}

/** How the runtime is brought to ask one kind of question offline, without an answer to any other. */
export interface Provocation<K extends KindName = KindName> {
  readonly kind: K;
  /** Which way, where a kind has several. */
  readonly by: string;
  readonly interest: readonly EventType[];
  /** Added to the params of `session.create`. */
  readonly params: (places: KindPlaces) => Partial<SessionCreateParams>;
  /** What the model says, in order. */
  readonly script: readonly Reply[];
  /** Makes the runtime ask. Resolves with what the caller learns. */
  start(session: Session): Promise<unknown>;
  readonly answer: AnswerOf<K>;
}

const provocation = <K extends KindName>(row: Provocation<K>): Provocation<K> => row;

const prompt = (session: Session, agentMode?: "plan"): Promise<unknown> =>
  session.request("send", { prompt: "Go on.", ...(agentMode === undefined ? {} : { agentMode }) });

const asking = ({ mcpUrl }: KindPlaces): Partial<SessionCreateParams> => ({
  requestPermission: true,
  requestElicitation: true,
  mcpServers: { asking: { type: "http", url: mcpUrl, tools: ["*"] } },
});

export const provocations = {
  headers: provocation({
    kind: "mcp.headers_refresh_required",
    by: "a server with `headersRefreshTtlMs`",
    interest: ["mcp.headers_refresh_required"],
    params: ({ mcpUrl }) => ({
      mcpServers: { asking: { type: "http", url: mcpUrl, tools: ["*"], headersRefreshTtlMs: 60_000 } },
    }),
    script: [],
    start: (session) => session.request("mcp.list"),
    answer: { kind: "headers", headers: { "x-pass": "let me in" }, ttlMs: 60_000 },
  }),
  permission: provocation({
    kind: "permission.requested",
    by: "a tool of an MCP server",
    interest: [],
    params: asking,
    script: [{ tool: "echo", arguments: { text: "permitted" } }],
    start: (session) => prompt(session),
    answer: { kind: "approve-once" },
  }),
  externalTool: provocation({
    kind: "external_tool.requested",
    by: "a tool of the host",
    interest: [],
    params: () => ({
      tools: [
        {
          name: "ticket",
          description: "Makes a ticket.",
          parameters: { type: "object", properties: {} },
          skipPermission: true,
        },
      ],
    }),
    script: [{ tool: "ticket" }],
    start: (session) => prompt(session),
    answer: { result: "ticket 17" },
  }),
  elicitation: provocation({
    kind: "elicitation.requested",
    by: "`session.ui.elicitation`",
    interest: [],
    params: () => ({}),
    script: [],
    start: (session) =>
      session.request("ui.elicitation", {
        message: "Which colour?",
        requestedSchema: { type: "object", properties: { colour: { type: "string" } } },
      }),
    answer: { action: "accept", content: { colour: "green" } },
  }),
  serverElicitation: provocation({
    kind: "elicitation.requested",
    by: "a tool of an MCP server",
    interest: [],
    params: asking,
    script: [{ tool: "ask" }],
    start: (session) => prompt(session),
    answer: { action: "accept", content: { colour: "green" } },
  }),
  userInput: provocation({
    kind: "user_input.requested",
    by: "the tool `ask_user`, with interest",
    interest: ["user_input.requested"],
    params: () => ({}),
    script: [{ tool: "ask_user", arguments: { question: "Tea?", choices: ["yes", "no"] } }],
    start: (session) => prompt(session),
    answer: { answer: "yes", wasFreeform: false },
  }),
  exitPlanMode: provocation({
    kind: "exit_plan_mode.requested",
    by: "the tool `exit_plan_mode` in plan mode, with interest",
    interest: ["exit_plan_mode.requested"],
    params: () => ({}),
    script: [{ tool: "exit_plan_mode", arguments: { summary: "A plan." } }],
    start: (session) => prompt(session, "plan"),
    answer: { approved: true, selectedAction: "exit_only" },
  }),
  sampling: provocation({
    kind: "sampling.requested",
    by: "a tool of an MCP server",
    interest: ["sampling.requested"],
    params: asking,
    script: [{ tool: "think" }],
    start: (session) => prompt(session),
    answer: { response: { role: "assistant", content: { type: "text", text: "seven" }, model: "none" } },
  }),
  command: provocation({
    kind: "command.execute",
    by: "`session.commands.execute`",
    interest: [],
    params: () => ({ commands: [{ name: "brew", description: "Makes tea." }] }),
    script: [],
    start: (session) => session.request("commands.execute", { commandName: "brew", args: "green" }),
    answer: {},
  }),
  queuedCommand: provocation({
    kind: "command.queued",
    by: "`session.commands.enqueue`, with interest",
    interest: ["command.queued"],
    params: () => ({}),
    script: [],
    start: (session) => session.request("commands.enqueue", { command: "/brew green" }),
    answer: { handled: true },
  }),
};

export type ProvocationName = keyof typeof provocations;

export const provocationNames = Object.keys(provocations).filter(isProvocation);

export function isProvocation(name: unknown): name is ProvocationName {
  return typeof name === "string" && Object.hasOwn(provocations, name);
}

/** Params of `session.create`, and of a resume of the same session. */
export function provokedParams(name: ProvocationName, places: KindPlaces): SessionCreateParams {
  return {
    provider: { type: "openai", wireApi: "completions", baseUrl: places.modelUrl, apiKey: "none" },
    model: "scripted",
    envValueMode: "direct",
    ...provocations[name].params(places),
  };
}
