/** How people answer a kind where a yes, a no or one text is not all: what its row in the table of kinds has no words for. */

import type { Entry } from "../../ledger/index.js";
import type { AnswerOf, DataOf, KindName } from "../../pending/index.js";
import { kinds, rowOf, type TextAnswer } from "../../pending/index.js";
import { type Field, type Form, FormError } from "./field.js";
import { fieldsOfSchema } from "./schema.js";

type Forms = { readonly [K in KindName]?: (data: DataOf<K>) => Form<AnswerOf<K>> | undefined };

const forms: Forms = {
  "elicitation.requested": (data) => {
    const fields = fieldsOfSchema(data.requestedSchema);
    if (fields === undefined) return undefined;
    return {
      fields,
      submit: fields.length === 0 ? "Accept" : "Send",
      toAnswer: (content) => ({ action: "accept", ...(fields.length === 0 ? {} : { content: { ...content } }) }),
    };
  },
  "user_input.requested": (data) => {
    const choices = (data.choices ?? []).map((value) => ({ value, label: value }));
    const free = data.allowFreeform !== false || choices.length === 0;
    const label = choices.length === 0 ? "Answer" : "Or in your own words";
    const fields: Field[] = [
      ...(choices.length === 0 ? [] : [{ type: "choice", name: "choice", label: "Answer", choices } as const]),
      ...(free ? [{ type: "text", name: "text", label, long: true, required: choices.length === 0 } as const] : []),
    ];
    return {
      fields,
      submit: "Send",
      toAnswer({ choice, text }) {
        if (typeof text === "string") return { answer: text, wasFreeform: true };
        if (typeof choice === "string") return { answer: choice, wasFreeform: false };
        throw new FormError(new Map([["choice", "Choose one of these, or write an answer."]]));
      },
    };
  },
  "exit_plan_mode.requested": (data) => {
    const known = planActions.filter(({ value }) => data.actions.includes(value));
    if (known.length === 0) return undefined;
    const recommended = known.find(({ value }) => value === data.recommendedAction) ?? known[0];
    return {
      fields: [
        { type: "choice", name: "action", label: "Then", choices: known, value: recommended?.value, required: true },
        { type: "text", name: "feedback", label: "Remarks on the plan", long: true },
      ],
      submit: "Approve the plan",
      toAnswer({ action, feedback }) {
        const selected = planActions.find(({ value }) => value === action)?.value;
        return {
          approved: true,
          ...(selected === undefined ? {} : { selectedAction: selected }),
          ...(typeof feedback === "string" ? { feedback } : {}),
        };
      },
    };
  },
  "sampling.requested": () => ({
    fields: [{ type: "text", name: "text", label: "What the model would say", long: true, required: true }],
    submit: "Send",
    toAnswer: ({ text }) => ({
      response: { role: "assistant", content: { type: "text", text }, model: "a person" },
    }),
  }),
  "auto_mode_switch.requested": () => ({
    fields: [],
    submit: "Always switch",
    toAnswer: () => "yes_always",
  }),
  "session_limits_exhausted.requested": () => ({
    fields: [
      {
        ...{ type: "choice", name: "action", label: "What to do", required: true, value: "add" },
        choices: [
          { value: "add", label: "Add credits to the limit" },
          { value: "set", label: "Set a new limit" },
          { value: "unset", label: "Remove the limit" },
        ],
      },
      { type: "number", name: "credits", label: "AI credits", whole: false, min: 0 },
    ],
    submit: "Go on",
    toAnswer({ action, credits }) {
      if (action === "unset") return { action };
      if (typeof credits !== "number" || credits <= 0)
        throw new FormError(new Map([["credits", "Say how many credits."]]));
      return action === "set" ? { action, maxAiCredits: credits } : { action: "add", additionalAiCredits: credits };
    },
  }),
};

/** As a method, whose parameter may be widened: `kind` and `data` of an entry go together. */
type Maker = { make(data: Entry["data"]): Form<AnswerOf<KindName>> | undefined }["make"];

const planActions = [
  { value: "exit_only", label: "Leave plan mode, and wait" },
  { value: "interactive", label: "Carry it out, and ask me on the way" },
  { value: "autopilot", label: "Carry it out without asking" },
  { value: "autopilot_fleet", label: "Carry it out without asking, with several agents" },
] as const;

/** The form of an entry, or that of its kind's plain text. Undefined: a yes, a no and JSON are all there is. */
export function formOf({ kind, data }: Pick<Entry, "kind" | "data">): Form<AnswerOf<KindName>> | undefined {
  const make: Maker | undefined = forms[kind];
  const form = make?.(data);
  if (form !== undefined) return form;
  const { text } = kinds[kind];
  return text === undefined ? undefined : textForm(text, rowOf(kind).servesFor !== undefined);
}

function textForm(text: TextAnswer<AnswerOf<KindName>>, lasts: boolean): Form<AnswerOf<KindName>> {
  return {
    fields: [
      { type: "text", name: "text", label: text.prompt, secret: text.secret, long: !text.secret, required: true },
      ...(lasts
        ? [
            {
              type: "number",
              name: "seconds",
              label: "Good for (seconds)",
              help: "Left empty: until it is refused.",
              whole: true,
              min: 0,
            } as const,
          ]
        : []),
    ],
    submit: "Send",
    toAnswer: (values) =>
      text.toAnswer(String(values.text), {
        expiresIn: typeof values.seconds === "number" ? values.seconds : undefined,
      }),
  };
}
