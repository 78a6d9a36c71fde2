import type * as v from "valibot";
import type { EventMap, EventType, SessionMethodName, SessionParams, SessionRequester } from "../../protocol/index.js";

/** Who gave an answer. */
export const actors = ["person", "automation"] as const;
export type Actor = (typeof actors)[number];

/** The credential that an answer to a request would be, as far as the request tells. */
export interface CredentialParts {
  /** The server's URL, whole. */
  url: string;
  clientId?: string | undefined;
  scope?: string | undefined;
}

type AnySchema = v.GenericSchema<unknown, Record<string, unknown>>;

/**
 * One row of the table of kinds.
 * `open` is the schema of the data that may be seen; what it does not name, or changes, goes under `secrets`.
 */
export interface Kind<
  E extends EventType = EventType,
  Open extends AnySchema = AnySchema,
  Hidden extends AnySchema = AnySchema,
  Answer extends v.GenericSchema = v.GenericSchema,
> {
  /** The event that asks. It is the kind's name. */
  readonly event: E;
  /** The event that ends it. It may never come. */
  readonly completed: EventType;
  /** The method that answers it. */
  readonly respond: `session.${SessionMethodName}`;
  /** What makes the runtime ask: interest in the event, or a flag (or list) at create or attach. Any one of these. */
  readonly enabledBy: readonly ("interest" | keyof SessionParams)[];
  /** Whether the same request id can be answered after the runtime was killed and the session resumed with `continuePendingWork`. */
  readonly survivesRuntime: boolean;
  /** The event's data in one form, where runtimes write the same thing in several. */
  tidy?(data: Record<string, unknown>): Record<string, unknown>;
  readonly open: Open;
  readonly secrets: Hidden;
  readonly answer: Answer;
  /** What stays the same when it is asked again, besides session and kind. Without it every request stands alone. */
  intent?(whole: v.InferOutput<Open>): readonly string[];
  /** Set where one answer can serve other requests too. */
  credential?(whole: v.InferOutput<Open>): CredentialParts;
  /** Milliseconds after which nobody listens to an answer any more, though the runtime still accepts it. */
  limitMs?(data: v.InferOutput<Open>): number | undefined;
  /** The runtime says that what it was given before is not good any more. */
  refused?(data: v.InferOutput<Open>): boolean;
  /** An event that names no request and ends some all the same. */
  readonly overtaken?: {
    readonly by: EventType;
    /** Whether what that event says ends a request with this data. */
    ends(said: Readonly<Record<string, unknown>>, data: v.InferOutput<Open>): boolean;
  };
  /** What a request wants instead of this answer, which its kind does take; undefined: it takes it. */
  unfit?(data: v.InferOutput<Open>, answer: v.InferOutput<Answer>): string | undefined;
  /** The answer with what the protocol says of who gave it; without this it has no place for that. */
  attributed?(answer: v.InferOutput<Answer>, actor: Actor): v.InferOutput<Answer>;
  /** Seconds that an answer is good for; undefined: as long as nobody refuses it; 0: for this one request only. */
  servesFor?(answer: v.InferOutput<Answer>): number | undefined;
  /** Sends a checked answer. */
  send(
    session: SessionRequester,
    requestId: string,
    answer: v.InferOutput<Answer>,
    options?: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined },
  ): Promise<{ success: boolean }>;
}

/** Infers a row's types from its schemas, and its names as they stand. */
export const kind = <
  E extends keyof EventMap,
  C extends EventType,
  R extends `session.${SessionMethodName}`,
  O extends AnySchema,
  H extends AnySchema,
  A extends v.GenericSchema,
>(
  row: Kind<E, O, H, A> & { readonly completed: C; readonly respond: R },
): Kind<E, O, H, A> & { readonly completed: C; readonly respond: R } => row;
