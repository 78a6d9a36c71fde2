import type * as v from "valibot";
import type {
  EventMap,
  EventType,
  RequestOptions,
  SessionMethodName,
  SessionParams,
  SessionRequester,
} from "../../protocol/index.js";

/** Who gave an answer. */
export const actors = ["person", "automation"] as const;
/** Who gave an answer: a person, or a program by a rule of its own. */
export type Actor = (typeof actors)[number];

/** The credential that an answer to a request would be, as far as the request tells. */
export interface CredentialParts {
  /** The server's URL, whole. */
  url: string;
  /** The OAuth client, where the request names one. */
  clientId?: string | undefined;
  /** The scope that is asked for (RFC 6749 section 3.3). */
  scope?: string | undefined;
}

/** An answer in the form in which the runtime looks for it when it starts the server. */
export interface Seed extends CredentialParts {
  /** The MCP server's name in the session. */
  serverName: string;
  /** HTTP headers, by name. */
  headers: Readonly<Record<string, string>>;
}

/** What is going on in a session while a request waits. */
export interface Activity {
  /** A turn runs: there was a user message, and the session is not idle. */
  readonly turn: boolean;
  /** A tool call runs. */
  readonly toolCall: boolean;
}

/** What a text does not say about the answer that it is. */
export interface TextOptions {
  /** Seconds that the answer is good for. */
  readonly expiresIn?: number | undefined;
  /** The scheme of a token. `Bearer` when left out. */
  readonly tokenType?: string | undefined;
}

/** How a person gives an answer as plain text. */
export interface TextAnswer<Answer = unknown> {
  /** What to ask the person for. */
  readonly prompt: string;
  /** Whether the text is hidden while it is typed. */
  readonly secret: boolean;
  /**
   * Makes an answer of the text.
   * @throws ValidationError when the text is no answer. The error does not show the text.
   */
  toAnswer(text: string, options: TextOptions): Answer;
}

type AnySchema = v.GenericSchema<unknown, Record<string, unknown>>;
/** A function whose parameters may be widened, as those of a method: a row is used as a row of any kind. */
type Rule<Args extends unknown[], Result> = { rule(...args: Args): Result }["rule"];

/** The names of a kind, and the schemas of its data and answer. */
export interface Shape<
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
  /** The event's data in one form, where runtimes write the same thing in several. */
  tidy?(data: Record<string, unknown>): Record<string, unknown>;
  /** The schema of the data that may be seen. What it does not name, or changes, goes under `secrets`. */
  readonly open: Open;
  /** The schema of what stays secret. */
  readonly secrets: Hidden;
  /** The schema of its answers. */
  readonly answer: Answer;
}

/** How a kind is answered, shown, shared and lost. A rule that all kinds must state is required, even where a kind has none. */
export interface Rules<Data, Answer> {
  /** Sends a checked answer. */
  send(
    session: SessionRequester,
    requestId: string,
    answer: Answer,
    options?: RequestOptions,
  ): Promise<{ success: boolean }>;
  /** What a request wants instead of this answer, which its kind does take. Undefined: it takes it. */
  unfit?(data: Data, answer: Answer): string | undefined;
  /** The answer with what the protocol says of who gave it. Without this it has no place for that. */
  attributed?(answer: Answer, actor: Actor): Answer;

  /** What it is, in a word or two, for a heading. */
  readonly title: string;
  /** What is asked, in a few words for one line; what is no text is left out. Words of a stranger: escape them where they are shown. */
  summary(data: Data): readonly unknown[];
  /** Why the model wants it, in the model's own words, which need not be true. */
  modelSays?(data: Data): unknown;
  /** The answer that a plain yes is. Undefined: a yes alone does not answer this kind. */
  readonly yes: Answer | undefined;
  /** The answer that a yes until the session ends is. */
  readonly yesForSession?: Answer;
  /** The answer that a no is, with the reason where the kind has a place for one. Undefined: no is no answer to this kind. */
  readonly no: Rule<[reason?: string], Answer> | undefined;
  /** How a person answers with plain text. Undefined: text does not answer this kind. */
  readonly text: TextAnswer<Answer> | undefined;

  /** What stays the same when it is asked again, besides session and kind. Without it every request stands alone. */
  intent?(whole: Data): readonly string[];
  /** Set where one answer can serve other requests too. */
  credential?(whole: Data): CredentialParts;
  /** Seconds that an answer is good for. Undefined: as long as nobody refuses it. 0: for this one request only. */
  servesFor?(answer: Answer): number | undefined;
  /** The runtime says that what it was given before is not good any more. */
  refused?(data: Data): boolean;
  /** What a resume gives the runtime so that it does not have to ask. False: an answer is of no use before the runtime asks. */
  readonly seed: false | Rule<[whole: Data, answer: Answer], Seed | undefined>;

  /** Whether the same request id can be answered after the runtime was killed and the session resumed with `continuePendingWork`. */
  readonly survivesRuntime: boolean;
  /** Whether a new load of the session asks the same question again, under a new id. */
  readonly askedAgain: boolean;
  /** Whether the tool call that waits for it is made again after the runtime was killed, by runtimes that make such calls again (1.0.85). */
  readonly retriesToolCall: boolean;
  /** Whether a call of some client waits for it: then an attach would wait behind that call and wedge the session. */
  readonly blocks: boolean | Rule<[data: Data, activity: Activity], boolean>;
  /** Set where `mcp.list` waits until it is answered. */
  readonly blocksServerList?: true;
  /** The server that stands in `needs-auth` while this waits, and that the runtime can be told to ask for again. */
  serverInNeed?(data: Data): string;
  /** The tool call that it belongs to, where it says so. */
  toolCall?(data: Data): unknown;
  /** Milliseconds after which nobody listens to an answer any more, though the runtime still accepts it. */
  limitMs?(data: Data): number | undefined;
  /** An event that ends requests without naming them. */
  readonly overtaken?: {
    readonly by: EventType;
    /** Whether what that event says ends a request with this data. */
    ends(said: Readonly<Record<string, unknown>>, data: Data): boolean;
  };
}

/** One row of the table of kinds: all that differs between kinds. */
export interface Kind<
  E extends EventType = EventType,
  Open extends AnySchema = AnySchema,
  Hidden extends AnySchema = AnySchema,
  Answer extends v.GenericSchema = v.GenericSchema,
> extends Shape<E, Open, Hidden, Answer>,
    Rules<v.InferOutput<Open>, v.InferOutput<Answer>> {}

/** Makes a row, `kind(shape)(rules)`: the schemas of its shape give its rules their types. */
export const kind =
  <
    E extends keyof EventMap,
    C extends EventType,
    R extends `session.${SessionMethodName}`,
    O extends AnySchema,
    H extends AnySchema,
    A extends v.GenericSchema,
  >(
    shape: Shape<E, O, H, A> & { readonly completed: C; readonly respond: R },
  ) =>
  (
    rules: Rules<v.InferOutput<O>, v.InferOutput<A>>,
  ): Kind<E, O, H, A> & { readonly completed: C; readonly respond: R } => ({ ...shape, ...rules });

/** The rules of a question that ends with the load of its session, and whose answer serves nothing else. */
export const ephemeral = { seed: false, survivesRuntime: false, askedAgain: false } as const;
