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

export type MethodName = keyof Methods;
export type ParamsOf<M extends MethodName> = Methods[M]["params"];
export type ResultOf<M extends MethodName> = Methods[M]["result"];

/** The rest parameters of a call: `params` may be left out exactly when nothing in it is required. */
export type CallArguments<Params, Options> =
  Record<never, never> extends Params ? [params?: Params, options?: Options] : [params: Params, options?: Options];

type Sessionless<Params> = Params extends unknown ? Omit<Params, "sessionId"> : never;

/** The methods of one session, named without their `session.` prefix: those whose params take a `sessionId`. */
export type SessionMethodName = {
  [M in MethodName]: M extends `session.${infer Name}` ? ("sessionId" extends keyof ParamsOf<M> ? Name : never) : never;
}[MethodName];
export type SessionParamsOf<N extends SessionMethodName> = Sessionless<ParamsOf<`session.${N}` & MethodName>>;
export type SessionResultOf<N extends SessionMethodName> = ResultOf<`session.${N}` & MethodName>;

export interface RequestOptions {
  /** Ends the wait: the request rejects with the signal's reason, and the runtime is told `$/cancelRequest`. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which the request rejects with a `TimeoutError`. No limit when left out. */
  timeoutMs?: number | undefined;
}

/** Whatever can call the runtime: an `Rpc`, or a stand-in for one. */
export interface Requester {
  request<M extends MethodName>(method: M, ...args: CallArguments<ParamsOf<M>, RequestOptions>): Promise<ResultOf<M>>;
}

/** Whatever can call the runtime about one session: a `Session`, or a stand-in for one. */
export interface SessionRequester {
  readonly id: string;
  request<N extends SessionMethodName>(
    method: N,
    ...args: CallArguments<SessionParamsOf<N>, RequestOptions>
  ): Promise<SessionResultOf<N>>;
}
