/**
 * The forms of latchkey's values as JSON, for programs in other languages: `schemas/*.json` are made of this and of the table of kinds.
 * The type checks below say when a field is missing here.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import { type Entry, type Outcome, outcomes, type Receipt, type State, states } from "latchkey/ledger";
import { type Actor, isKind, type KindName, kinds, type PendingRequest, rowOf } from "latchkey/pending";
import * as v from "valibot";

export const kindNames = Object.keys(kinds).filter(isKind);

type Json = { readonly [name: string]: unknown };
const text = v.string();
const fence = v.pipe(v.number(), v.integer());
const when = v.pipe(v.string(), v.isoTimestamp());
const optional = v.exactOptional;
const described = (about: string) => v.pipe(v.string(), v.description(about));

const request = {
  v: v.literal(1),
  sessionId: described("The session that asked."),
  requestId: described("The runtime's id of the request."),
  endpoint: optional(described("Where the runtime listened. A hint: it changes when the runtime is started again.")),
  principal: optional(described("On whose behalf an answer is obtained. Without one nothing is shared.")),
  receivedAt: v.pipe(when, v.description("When it was written down.")),
};

const identity = {
  id: described("The entry's id in its ledger."),
  intent: described("What stays the same when the runtime asks again. Opaque: compare it, do not read it."),
  credential: described("What one answer may serve. Opaque: compare it, do not read it."),
  createdAt: v.pipe(when, v.description("When it was recorded, by the database's clock.")),
};

const entry = {
  ...request,
  ...identity,
  state: v.picklist<readonly State[]>(states),
  outcome: optional(v.pipe(v.picklist<readonly Outcome[]>(outcomes), v.description("How a settled entry ended."))),
  epoch: optional(described("The load of the session that asked.")),
  anchor: optional(described("The last persisted event before it in its session's log.")),
  traceparent: optional(described("The W3C trace context of what asked.")),
  account: optional(described("Whose account the answer is of, for people to see.")),
  successor: optional(described("The id of the entry of the same question asked again.")),
  updatedAt: v.pipe(when, v.description("When it moved last, by the database's clock.")),
  expiresAt: optional(v.pipe(when, v.description("When it stops waiting for an answer."))),
  claim: optional(v.pipe(v.object({ owner: text, fence, until: when }), v.description("Who works on it now."))),
  cursor: optional(described("In `ls --watch` alone: the transition that this line is of.")),
};

const receipt = v.object({
  seq: v.pipe(v.number(), v.integer(), v.description("Grows over the whole ledger.")),
  entry: described("The entry's id."),
  at: when,
  state: v.picklist<readonly State[]>(states),
  outcome: optional(v.picklist<readonly Outcome[]>(outcomes)),
  fence: optional(fence),
  by: optional(described("Who did it, as they called themselves.")),
  actor: optional(v.picklist<readonly Actor[]>(["person", "automation"])),
  reason: optional(text),
  ticket: optional(
    described("The id of the ticket through which it was done, or that was made. Not the ticket itself."),
  ),
  event: optional(
    v.pipe(
      v.picklist(["ticket", "telling", "told", "not-told"]),
      v.description(
        "Set where the entry did not move: a ticket was made for it, or somebody is being told of it, was told, or could not be.",
      ),
    ),
  ),
});

/** Every field of the types is a field here, and the other way round. */
type Same<A, B> = [A, B] extends [B, A] ? true : [Exclude<A, B>, Exclude<B, A>];
type Holds<T extends true> = T;
export type _Checked = [
  Holds<Same<Exclude<keyof PendingRequest, "kind" | "data" | "secrets">, keyof typeof request>>,
  Holds<Same<Exclude<keyof Entry, "kind" | "data">, Exclude<keyof typeof entry, "cursor">>>,
  Holds<Same<keyof Receipt, keyof typeof receipt.entries>>,
];

const ticket = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{43}$/),
  v.description(
    "256 random bits in base64url. Whoever has it may answer one entry, once, until it expires: treat it as a password.",
  ),
);

/** A valibot schema as JSON Schema. What JSON Schema cannot say is left out: latchkey checks it all the same. */
function convert(schema: v.GenericSchema): Json {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    ignoreActions: ["raw_check", "finite"],
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === "custom" ? custom(valibotSchema) : undefined),
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === "iso_timestamp" ? { ...jsonSchema, format: "date-time" } : undefined,
  });
  return converted;
}

/** The two forms that only a predicate checks: an object with one text in it that must be there. */
function custom(schema: v.GenericSchema): Json {
  const message = "message" in schema ? String(schema.message) : "";
  const [, name] = /"(\w+)"/.exec(message) ?? [];
  if (name === undefined) throw new Error(`no JSON schema for ${message}`);
  return { type: "object", properties: { [name]: { type: "string" } }, required: [name] };
}

/** The fields that all kinds have, and by `kind` the form of `data`: `$defs` has one for each kind. */
function byKind(fields: v.ObjectEntries, data: (name: KindName) => v.GenericSchema): Json {
  const common = convert(v.object({ kind: v.picklist(kindNames), ...fields, data: v.looseObject({}) }));
  return {
    ...common,
    oneOf: kindNames.map((name) => ({ properties: { kind: { const: name }, data: { $ref: `#/$defs/${name}` } } })),
    $defs: Object.fromEntries(kindNames.map((name) => [name, convert(data(name))])),
  };
}

const file = (name: string, title: string, description: string, body: Json): readonly [string, Json] => [
  `${name}.json`,
  {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:latchkey:schema:${name}`,
    title,
    description,
    ...body,
  },
];

/** Name and content of every file in schemas/. */
export const schemaFiles = (): ReadonlyMap<string, Json> =>
  new Map([
    file(
      "request",
      "Pending request",
      "A question of the runtime, as a host stores it: without its secrets, which it keeps elsewhere or nowhere.",
      byKind({ ...request, secrets: optional(v.literal("[redacted]")) }, (name) => rowOf(name).open),
    ),
    file(
      "claimed-request",
      "Claimed request",
      "What a broker's command gets on standard input. The secrets of the request are in `data`, in their places.",
      byKind({ ...request, ...identity, fence: v.pipe(fence, v.description("The fence of the claim.")) }, (name) =>
        v.intersect([rowOf(name).open, rowOf(name).secrets]),
      ),
    ),
    file(
      "entry",
      "Entry",
      "A pending request in a ledger, as `latchkey ls --json` and `latchkey show --json` print it. Its secrets stay sealed.",
      byKind(entry, (name) => rowOf(name).open),
    ),
    file("answer", "Answer", "What answers a request: `$defs` has the answers to each kind of request by its name.", {
      anyOf: kindNames.map((name) => ({ $ref: `#/$defs/${name}` })),
      $defs: Object.fromEntries(kindNames.map((name) => [name, convert(rowOf(name).answer)])),
    }),
    file(
      "receipt",
      "Receipt",
      "One line of an entry's history, as `latchkey receipts --json` prints it.",
      convert(receipt),
    ),
    file("ticket", "Ticket", "The right to answer one entry.", convert(ticket)),
  ]);
