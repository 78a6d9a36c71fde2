/** Pending requests and their answers, as the compiler sees them. Nothing runs. */
import {
  type AnswerOf,
  type Checked,
  type DataOf,
  handlePendingRequest,
  isPending,
  type KindName,
  type PendingRequest,
  parsePendingRequest,
  pendingRequest,
  type Secrets,
  type SecretsOf,
} from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import { checkAnswer, sendAnswer } from "../../lib/pending/internal.js";
import type { EventMap, ParamsOf, SessionEvent } from "../../lib/protocol/index.js";
import type { Equals, Expect, HasAny } from "./protocol.js";

type WithAny<T extends Record<KindName, unknown>> = {
  [K in KindName]: true extends HasAny<T[K]> ? K : never;
}[KindName];

type _NothingIsAny = [
  Expect<Equals<WithAny<{ [K in KindName]: AnswerOf<K> }>, never>>,
  Expect<Equals<WithAny<{ [K in KindName]: DataOf<K> }>, never>>,
  Expect<Equals<WithAny<{ [K in KindName]: SecretsOf<K> }>, never>>,
  Expect<Equals<HasAny<PendingRequest>, false>>,
];

type OAuth = "mcp.oauth_required";
type OAuthBody = ParamsOf<"session.mcp.oauth.handlePendingRequest">["result"];
/** Without the index signature of a loose object. */
type Named<T> = { [K in keyof T as string extends K ? never : K]: T[K] };

/** The OAuth answer is the schemas' own, both ways; every field of the event is named in data or secrets. */
type _Exact = [
  Expect<[AnswerOf<OAuth>] extends [OAuthBody] ? true : false>,
  Expect<[OAuthBody] extends [AnswerOf<OAuth>] ? true : false>,
  Expect<
    [keyof EventMap[OAuth]["data"]] extends [keyof Named<DataOf<OAuth>> | keyof Named<SecretsOf<OAuth>>] ? true : false
  >,
  Expect<Equals<DataOf<OAuth>["serverUrl"], string>>,
  // The secret fields are no part of what may be seen.
  Expect<Equals<"httpResponse" extends keyof DataOf<OAuth> ? true : false, false>>,
  Expect<Equals<"clientSecret" extends keyof NonNullable<DataOf<OAuth>["staticClientConfig"]> ? true : false, false>>,
];

/** An answer goes to the wire when its type says that it was checked, and not before. */
export async function checkedAnswers(rpc: Rpc, request: PendingRequest<"exit_plan_mode.requested">): Promise<void> {
  const answer = { approved: true };
  const checked = checkAnswer(request, answer);
  type _Checked = Expect<Equals<typeof checked, Checked<AnswerOf<"exit_plan_mode.requested">>>>;
  await sendAnswer(rpc, request, checked);
  // @ts-expect-error nobody checked it
  await sendAnswer(rpc, request, answer);
  // Whoever gives an answer gives the plain one.
  await handlePendingRequest(rpc, request, answer);
  await handlePendingRequest(rpc, request, checked);
}

export async function answers(rpc: Rpc, event: SessionEvent, session: Session): Promise<void> {
  const oauth = await session.events.wait("mcp.oauth_required");
  const request = pendingRequest(oauth, { sessionId: session.id });
  type _Request = Expect<Equals<typeof request, PendingRequest<OAuth>>>;
  type _Secrets = Expect<Equals<typeof request.secrets, Secrets<SecretsOf<OAuth>>>>;
  const handled = await handlePendingRequest(rpc, request, { kind: "token", accessToken: "t" });
  type _Handled = Expect<Equals<typeof handled, { accepted: boolean }>>;
  await handlePendingRequest(rpc, request, { kind: "cancelled" }, { timeoutMs: 5 });

  // @ts-expect-error an answer that is none
  await handlePendingRequest(rpc, request, { kind: "maybe" });
  // @ts-expect-error a token without its text
  await handlePendingRequest(rpc, request, { kind: "token" });
  // @ts-expect-error the answer of another kind
  await handlePendingRequest(rpc, request, { kind: "approve-once" });
  // @ts-expect-error a field too many
  await handlePendingRequest(rpc, request, { kind: "token", accessToken: "t", refreshToken: "r" });
  // @ts-expect-error no answer
  await handlePendingRequest(rpc, request);
  // @ts-expect-error no such kind
  await handlePendingRequest(rpc, { kind: "session.idle", sessionId: "s", requestId: "r" }, { kind: "cancelled" });
  // @ts-expect-error without a session nothing can be answered
  pendingRequest(oauth, {});
  // @ts-expect-error secrets are not read by accident
  request.secrets.clientSecret;
  // @ts-expect-error a secret is no part of data
  request.data.httpResponse;

  if (isPending(event)) {
    type _Pending = Expect<Equals<typeof event, EventMap[KindName]>>;
    pendingRequest(event, { sessionId: session.id }).kind satisfies KindName;
  }

  const read = parsePendingRequest("{}");
  type _Read = Expect<Equals<typeof read, PendingRequest>>;
  if (read.kind === "permission.requested") {
    type _Narrowed = Expect<Equals<typeof read.data, DataOf<"permission.requested">>>;
    await handlePendingRequest(rpc, read, { kind: "approve-once" });
    // @ts-expect-error the answer of another kind
    await handlePendingRequest(rpc, read, { kind: "cancelled", accessToken: "t" });
  }
  if (read.kind === "mcp.oauth_required") {
    read.data.serverName satisfies string;
    // @ts-expect-error a field of another kind
    read.data.toolCallId;
  }
  // @ts-expect-error no such kind
  if (read.kind === "session.idle") return;
}
