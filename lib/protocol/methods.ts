import type { GeneratedClientMethods, GeneratedMethods } from "./generated.js";
import type { NewerCalls } from "./newer.js";
import type { SessionCalls, UserCalls } from "./session-calls.js";

/** Every method a client may call: those of the runtime's schemas and the few they lack. */
export interface Methods
  extends Omit<GeneratedMethods, keyof SessionCalls | keyof NewerCalls>,
    SessionCalls,
    NewerCalls {}

/** Every method the runtime may call on its client. */
export interface ClientMethods extends Omit<GeneratedClientMethods, keyof UserCalls>, UserCalls {}

/** The name of a method that a client may call, such as `"session.create"`. */
export type MethodName = keyof Methods;
/** The params of a method. */
export type ParamsOf<M extends MethodName> = Methods[M]["params"];
/** What a method is answered with. */
export type ResultOf<M extends MethodName> = Methods[M]["result"];

/** The rest parameters of a call: `params` may be left out exactly when nothing in it is required. */
export type CallArguments<Params, Options> =
  Record<never, never> extends Params ? [params?: Params, options?: Options] : [params: Params, options?: Options];

type Sessionless<Params> = Params extends unknown ? Omit<Params, "sessionId"> : never;

/** The methods of one session, named without their `session.` prefix: those whose params take a `sessionId`. */
export type SessionMethodName = {
  [M in MethodName]: M extends `session.${infer Name}` ? ("sessionId" extends keyof ParamsOf<M> ? Name : never) : never;
}[MethodName];
/** The params of a session's method, without the `sessionId`. */
export type SessionParamsOf<N extends SessionMethodName> = Sessionless<ParamsOf<`session.${N}` & MethodName>>;
/** What a session's method is answered with. */
export type SessionResultOf<N extends SessionMethodName> = ResultOf<`session.${N}` & MethodName>;

/** Options of a call. */
export interface RequestOptions {
  /** Ends the wait: the request rejects with the signal's reason, and the runtime is told `$/cancelRequest`. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which the request rejects with a `TimeoutError`. No limit when left out. */
  timeoutMs?: number | undefined;
}

/** Whatever can call the runtime: an `Rpc`, or a stand-in for one. */
export interface Requester {
  /**
   * Calls a method of the runtime. Never repeated by itself.
   * @throws RpcError the runtime's own answer; ConnectionError when the connection ends first; TypeError when `params` is no object.
   */
  request<M extends MethodName>(method: M, ...args: CallArguments<ParamsOf<M>, RequestOptions>): Promise<ResultOf<M>>;
}

/** Whatever can call the runtime about one session: a `Session`, or a stand-in for one. */
export interface SessionRequester {
  /** The session's id. */
  readonly id: string;
  /**
   * Calls a method of the session by its name without `session.`; the `sessionId` is filled in.
   * @throws RpcError the runtime's own answer, `SESSION_NOT_FOUND` among them; ConnectionError when the connection ends first.
   */
  request<N extends SessionMethodName>(
    method: N,
    ...args: CallArguments<SessionParamsOf<N>, RequestOptions>
  ): Promise<SessionResultOf<N>>;
}
