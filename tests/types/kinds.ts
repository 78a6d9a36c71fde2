/** The table of kinds against the generated types. Nothing runs: the compiler is the test. */
import { type AnswerOf, type KindName, kinds } from "latchkey/pending";
import * as v from "valibot";
import { kind } from "../../lib/pending/kinds/kind.js";
import type { EventMap, EventType, Methods, ParamsOf } from "../../lib/protocol/index.js";

type Kinds = typeof kinds;
type Expect<T extends true> = T;
/** The same as a plain object type: an interface fits no index signature. */
type Plain<T> = T extends object ? { [P in keyof T]: Plain<T[P]> } : T;
type Fits<A, B> = [A] extends [B] ? true : false;
/** The kinds for which `Check` does not hold; `never` when it holds for all. */
type Unless<Check extends Record<KindName, boolean>> = {
  [K in KindName]: Check[K] extends true ? never : K;
}[KindName];

/** The body of the method that answers a kind, as it goes over the wire. */
type Body<K extends KindName> = Kinds[K]["respond"] extends infer M extends keyof Methods
  ? Omit<ParamsOf<M>, "sessionId" | "requestId">
  : never;
/** The one field of the body that holds the answer, or the body itself where it has several. */
type Wire<K extends KindName> = K extends "external_tool.requested" | "command.execute" | "sampling.requested"
  ? Body<K>
  : Required<Body<K>>[keyof Body<K> & ("result" | "response")];

/** Every row's names are names of the schemas. */
type _Names = [
  Expect<Fits<KindName, EventType>>,
  Expect<Fits<Kinds[KindName]["event"], KindName>>,
  Expect<Fits<Kinds[KindName]["completed"], EventType>>,
  Expect<Fits<Kinds[KindName]["respond"], keyof Methods>>,
];

/** Every event that the schemas allow is one that the kind's data schema accepts. */
type _Data = Expect<
  Fits<Unless<{ [K in KindName]: Fits<Plain<EventMap[K]["data"]>, v.InferInput<Kinds[K]["open"]>> }>, never>
>;

/** Every answer that latchkey lets through is one that the schemas allow. */
type _Answers = Expect<Fits<Unless<{ [K in KindName]: Fits<AnswerOf<K>, Wire<K>> }>, never>>;

/** Every variant of an answer that the schemas name is one that latchkey knows. */
type Variant<T, Tag extends string> = T extends { [P in Tag]: infer Name } ? Name : never;
type _Variants = [
  Expect<Fits<Variant<Wire<"mcp.oauth_required">, "kind">, Variant<AnswerOf<"mcp.oauth_required">, "kind">>>,
  Expect<
    Fits<
      Variant<Wire<"mcp.headers_refresh_required">, "kind">,
      Variant<AnswerOf<"mcp.headers_refresh_required">, "kind">
    >
  >,
  Expect<Fits<Variant<Wire<"permission.requested">, "kind">, Variant<AnswerOf<"permission.requested">, "kind">>>,
  Expect<Fits<Wire<"elicitation.requested">["action"], AnswerOf<"elicitation.requested">["action"]>>,
  Expect<Fits<Wire<"user_input.requested">, AnswerOf<"user_input.requested">>>,
  Expect<Fits<Required<Wire<"exit_plan_mode.requested">>, AnswerOf<"exit_plan_mode.requested">>>,
  Expect<Fits<Wire<"auto_mode_switch.requested">, AnswerOf<"auto_mode_switch.requested">>>,
  Expect<Fits<Required<Wire<"session_limits_exhausted.requested">>, AnswerOf<"session_limits_exhausted.requested">>>,
  Expect<Fits<Wire<"command.queued">["handled"], AnswerOf<"command.queued">["handled"]>>,
];

/** The checks do find what is wrong. */
type _Wrong = [
  // @ts-expect-error an answer of one kind does not fit another
  Expect<Fits<AnswerOf<"user_input.requested">, Wire<"elicitation.requested">>>,
  // @ts-expect-error the data of one kind does not fit another
  Expect<Fits<Plain<EventMap["command.queued"]["data"]>, v.InferInput<Kinds["mcp.oauth_required"]["open"]>>>,
];

/** A kind that says too little does not compile: the compiler names what its row lacks. */
const shape = { event: kinds["command.queued"].event, completed: "command.completed" } as const;
const row = kind({
  ...shape,
  respond: "session.commands.respondToQueuedCommand",
  enabledBy: ["interest"],
  open: v.looseObject({ requestId: v.string() }),
  secrets: v.looseObject({}),
  answer: v.strictObject({ handled: v.boolean() }),
});
const rules: Parameters<typeof row>[0] = {
  send: async () => ({ success: true }),
  title: "Queued command",
  summary: (data) => [data.requestId],
  yes: { handled: true },
  no: () => ({ handled: false }),
  text: undefined,
  seed: false,
  survivesRuntime: false,
  askedAgain: false,
  retriesToolCall: false,
  blocks: false,
};
export const complete = row(rules);
type Without<Name extends keyof typeof rules> = Omit<typeof rules, Name>;
type Missing<Name extends keyof typeof rules> = Without<Name> extends typeof rules ? Name : never;
/** Every rule that differs between kinds is asked for, even where the kind has none. */
type _Required = Expect<
  Fits<
    Missing<
      | "send"
      | "title"
      | "summary"
      | "yes"
      | "no"
      | "text"
      | "seed"
      | "survivesRuntime"
      | "askedAgain"
      | "retriesToolCall"
      | "blocks"
    >,
    never
  >
>;
export const wrong = [
  // @ts-expect-error a yes that the kind's own schema refuses
  row({ ...rules, yes: { handled: "yes" } }),
  // @ts-expect-error a no of another kind
  row({ ...rules, no: () => ({ action: "decline" }) }),
  // @ts-expect-error a kind that asks by an event that no runtime has
  kind({ ...shape, event: "command.invented" }),
];

export type { _Answers, _Data, _Names, _Required, _Variants, _Wrong };
