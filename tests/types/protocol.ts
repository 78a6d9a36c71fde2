/** Methods, events and calls, as the compiler sees them. Nothing runs. */
import type { Events, Followed, follow, registerInterest } from "latchkey/events";
import type { Rpc, RpcEventMap, Session } from "latchkey/rpc";
import type {
  ClientMethods,
  EventMap,
  EventType,
  MethodName,
  Methods,
  ParamsOf,
  ResultOf,
  SessionEvent,
  SessionLifecycle,
  SessionMethodName,
} from "../../lib/protocol/index.js";

export type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export type Expect<T extends true> = T;
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Whether `any` stands anywhere in a type, as deep as `Depth` says. */
export type HasAny<T, Depth extends readonly unknown[] = [1, 1, 1, 1]> =
  IsAny<T> extends true
    ? true
    : Depth extends readonly [unknown, ...infer Rest]
      ? T extends (...args: never) => unknown
        ? false
        : T extends readonly (infer Item)[]
          ? HasAny<Item, Rest>
          : T extends object
            ? true extends { [K in keyof T]-?: HasAny<T[K], Rest> }[keyof T]
              ? true
              : false
            : false
      : false;
/** The names whose type has `any` in it. */
type WithAny<Map> = { [K in keyof Map]: true extends HasAny<Map[K]> ? K : never }[keyof Map];

type _Helpers = [
  Expect<Equals<{ a: 1 }, { a: 1 }>>,
  Expect<Equals<Equals<{ a: 1 }, { a?: 1 }>, false>>,
  // biome-ignore lint/suspicious/noExplicitAny: what the helper is there to find
  Expect<Equals<WithAny<{ bad: { deep: [{ x: any }] }; good: { deep: unknown[] } }>, "bad">>,
  // biome-ignore lint/suspicious/noExplicitAny: what the helper is there to find
  Expect<IsAny<any>>,
  Expect<Equals<IsAny<unknown>, false>>,
];

type _NothingIsAny = [
  Expect<Equals<WithAny<Methods>, never>>,
  Expect<Equals<WithAny<ClientMethods>, never>>,
  Expect<Equals<WithAny<EventMap>, never>>,
];

type _Names = [
  Expect<Equals<EventMap[EventType], SessionEvent>>,
  Expect<Equals<EventMap["session.idle"]["type"], "session.idle">>,
  Expect<Equals<"session.create" extends MethodName ? true : false, true>>,
  Expect<Equals<string extends MethodName ? true : false, false>>,
  Expect<Equals<string extends EventType ? true : false, false>>,
  Expect<Equals<string extends keyof ClientMethods ? true : false, false>>,
  Expect<Equals<string extends SessionMethodName ? true : false, false>>,
  Expect<Equals<"mcp.oauth.handlePendingRequest" extends SessionMethodName ? true : false, true>>,
  Expect<Equals<"session.log" extends SessionMethodName ? true : false, false>>,
  Expect<Equals<"list" extends SessionMethodName ? true : false, false>>,
  Expect<Equals<"ping" extends SessionMethodName ? true : false, false>>,
];

/** Every method that takes a session is one of the session's, and every one of the session's is a method. */
type TakesSession = {
  [M in MethodName]: M extends `session.${infer N}` ? ("sessionId" extends keyof ParamsOf<M> ? N : never) : never;
}[MethodName];
type _Session = Expect<Equals<SessionMethodName, TakesSession>>;

export async function requests(rpc: Rpc, session: Session): Promise<void> {
  const pong = await rpc.request("ping", { message: "x" });
  type _Pong = Expect<Equals<typeof pong, ResultOf<"ping">>>;
  await rpc.request("ping");
  await rpc.request("ping", {});
  await rpc.request("ping", undefined, { timeoutMs: 5 });
  await rpc.request("session.create");
  await rpc.request("session.create", { model: "m", requestPermission: true }, { signal: AbortSignal.timeout(1) });
  await rpc.request("session.resume", { sessionId: "s", disableResume: true });
  await rpc.request("session.log", { sessionId: "s", message: "m" });
  await session.request("log", { message: "m" });
  await session.request("eventLog.tail");
  await session.request("destroy");
  const answered = await session.request("mcp.oauth.handlePendingRequest", {
    requestId: "r",
    result: { kind: "token", accessToken: "t" },
  });
  type _Answered = Expect<Equals<typeof answered.success, boolean>>;

  // @ts-expect-error no such method
  await rpc.request("pong");
  // @ts-expect-error a session's method without its prefix
  await rpc.request("log", { sessionId: "s", message: "m" });
  // @ts-expect-error params are required
  await rpc.request("session.resume");
  // @ts-expect-error options do not stand in for params
  await rpc.request("session.resume", undefined, { timeoutMs: 5 });
  // @ts-expect-error a param is missing
  await rpc.request("session.resume", {});
  // @ts-expect-error a param of the wrong type
  await rpc.request("session.resume", { sessionId: 5 });
  // @ts-expect-error a param too many
  await rpc.request("session.resume", { sessionId: "s", nonsense: 1 });
  // @ts-expect-error params that are none
  await rpc.request("ping", "x");
  // @ts-expect-error an option that is none
  await rpc.request("ping", {}, { timeout: 5 });
  // @ts-expect-error a fourth argument
  await rpc.request("ping", {}, {}, {});
  // @ts-expect-error no such field in the result
  pong.nonsense;

  // @ts-expect-error the prefix is the session's own
  await session.request("session.log", { message: "m" });
  // @ts-expect-error the session's id is filled in
  await session.request("log", { message: "m", sessionId: "s" });
  // @ts-expect-error not a method of one session
  await session.request("ping");
  // @ts-expect-error params are required
  await session.request("log");
  // @ts-expect-error an answer that the schemas do not know
  await session.request("mcp.oauth.handlePendingRequest", { requestId: "r", result: { kind: "maybe" } });
  // @ts-expect-error a token without its text
  await session.request("mcp.oauth.handlePendingRequest", { requestId: "r", result: { kind: "token" } });
  // @ts-expect-error read only
  session.id = "other";
  // @ts-expect-error read only
  rpc.endpoint = "other";
}

export function clientMethods(rpc: Rpc): void {
  using _off = rpc.handle("userInput.request", (params, { signal }) => {
    type _Params = Expect<Equals<typeof params, ClientMethods["userInput.request"]["params"]>>;
    type _Signal = Expect<Equals<typeof signal, AbortSignal>>;
    return { answer: params.question, wasFreeform: true };
  });
  rpc.handle("userInput.request", async () => ({ answer: "", wasFreeform: false }));
  // @ts-expect-error not a method that the runtime calls
  rpc.handle("ping", () => ({}));
  // @ts-expect-error a result that lacks a field
  rpc.handle("userInput.request", () => ({ answer: "" }));
}

export async function events(rpc: Rpc, session: Session, own: Events): Promise<void> {
  const off = session.events.on("mcp.oauth_required", (event) => {
    type _Event = Expect<Equals<typeof event, EventMap["mcp.oauth_required"]>>;
  });
  off();
  off[Symbol.dispose]();
  session.events.on("*", (event) => {
    type _Every = Expect<Equals<typeof event, SessionEvent>>;
    if (event.type === "mcp.oauth_required") {
      type _Narrowed = Expect<Equals<typeof event.data.requestId, string>>;
    }
  });
  session.events.on("listener:error", ({ error, type }) => {
    type _Error = [Expect<Equals<typeof error, unknown>>, Expect<Equals<typeof type, string>>];
  });
  rpc.events.on("session.idle", ({ sessionId, event }) => {
    type _Pair = [Expect<Equals<typeof sessionId, string>>, Expect<Equals<typeof event, EventMap["session.idle"]>>];
  });
  rpc.events.on("*", (pair) => {
    type _Every = Expect<Equals<typeof pair, RpcEventMap[EventType]>>;
  });
  rpc.events.on("session.lifecycle", ({ event }) => {
    type _Lifecycle = Expect<Equals<typeof event, SessionLifecycle>>;
  });
  rpc.events.on("notification", ({ params }) => {
    type _Params = Expect<Equals<typeof params, unknown>>;
  });
  const one = await session.events.wait("session.idle", { where: ({ id }) => id === "x" });
  type _One = Expect<Equals<typeof one, EventMap["session.idle"]>>;
  for await (const event of session.events.stream("user.message", { limit: 5 })) {
    type _Streamed = Expect<Equals<typeof event, EventMap["user.message"]>>;
  }
  own.once("session.idle", () => undefined);

  // @ts-expect-error no such event
  session.events.on("session.idel", () => undefined);
  // @ts-expect-error no such event
  await session.events.wait("idle");
  // @ts-expect-error no such event
  session.events.stream("idle");
  // @ts-expect-error only of a connection
  session.events.on("session.lifecycle", () => undefined);
  // @ts-expect-error only of a connection
  session.events.on("notification", () => undefined);
  // @ts-expect-error a listener of another event
  session.events.on("session.idle", (event: EventMap["user.message"]) => event);
  // @ts-expect-error no such field
  await session.events.wait("session.idle", { where: (event) => event.nonsense });
  // @ts-expect-error whoever listens does not emit
  session.events.emit("session.idle", one);
}

export async function helpers(
  session: Session,
  { read, register }: { read: typeof follow; register: typeof registerInterest },
): Promise<void> {
  for await (const item of read(session, { types: ["session.idle", "user.message"] })) {
    type _Item = Expect<Equals<typeof item, Followed<EventMap["session.idle"] | EventMap["user.message"]>>>;
  }
  for await (const { event, cursor, gap } of read(session)) {
    type _Whole = [Expect<Equals<typeof event, SessionEvent>>, Expect<Equals<typeof cursor, string>>];
    if (gap) gap.reason satisfies "expired" | "overrun" | "reloaded";
  }
  await using interest = await register(session, "mcp.oauth_required");
  type _Handle = Expect<Equals<typeof interest.handle, string>>;
  // @ts-expect-error no such event
  read(session, { types: ["idle"] });
  // @ts-expect-error no such event
  await register(session, "mcp.oauth");
}
