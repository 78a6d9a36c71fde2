/** The fields of a form as data: made from a request, drawn by a page, read back from what a browser sent. */

interface Common {
  /** Its name in the answer. */
  readonly name: string;
  readonly label: string;
  readonly help?: string | undefined;
  readonly required?: boolean | undefined;
}
export interface TextField extends Common {
  readonly type: "text";
  readonly format?: "email" | "uri" | "date" | "date-time" | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly value?: string | undefined;
  /** More than one line. */
  readonly long?: boolean | undefined;
  /** Is not shown while it is typed, nor sent back to the browser. */
  readonly secret?: boolean | undefined;
}
export interface NumberField extends Common {
  readonly type: "number";
  readonly whole: boolean;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly value?: number | undefined;
}
export interface BooleanField extends Common {
  readonly type: "boolean";
  readonly value?: boolean | undefined;
}
/** A browser sends its place in the list: its value may have characters that a form changes. */
export interface Choice {
  readonly value: string;
  readonly label: string;
}
export interface ChoiceField extends Common {
  readonly type: "choice";
  readonly choices: readonly Choice[];
  readonly value?: string | undefined;
}
export interface ManyField extends Common {
  readonly type: "many";
  readonly choices: readonly Choice[];
  readonly values?: readonly string[] | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}
export type Field = TextField | NumberField | BooleanField | ChoiceField | ManyField;

export type Value = string | number | boolean | string[];
export type Values = Readonly<Record<string, Value>>;

/** A form that gives an answer. */
export interface Form<Answer = unknown> {
  readonly fields: readonly Field[];
  /** What the button says. */
  readonly submit: string;
  /** @throws FormError for values that are no answer together; ValidationError for a text that is none. */
  toAnswer(values: Values): Answer;
}

/** What a person filled in is no answer yet. By the field's name; the empty one is the form as a whole. */
export class FormError extends Error {
  constructor(readonly problems: ReadonlyMap<string, string>) {
    super("the form is not complete");
  }
}

/** Names in the browser's form: no other field of the page has such a one. */
export const inputName = (name: string): string => `f.${name}`;

/**
 * The values of a form. What was left empty is left out.
 * @throws FormError that says of each field what is wrong with it
 */
export function readFields(fields: readonly Field[], sent: URLSearchParams): Values {
  const values: [string, Value][] = [];
  const problems = new Map<string, string>();
  for (const field of fields) {
    const read = readField(field, sent.getAll(inputName(field.name)));
    if ("problem" in read) problems.set(field.name, read.problem);
    else if (read.value !== undefined) values.push([field.name, read.value]);
  }
  if (problems.size > 0) throw new FormError(problems);
  return Object.fromEntries(values);
}

type Read = { readonly value: Value | undefined } | { readonly problem: string };

function readField(field: Field, sent: readonly string[]): Read {
  if (field.type === "boolean") return { value: sent.includes("true") };
  if (field.type === "many") return readMany(field, sent);
  const [text = ""] = sent;
  if (text === "") return field.required ? { problem: missing(field) } : { value: undefined };
  if (field.type === "number") return readNumber(field, text);
  if (field.type === "choice") {
    const chosen = field.choices.find((_, at) => String(at) === text);
    return chosen === undefined ? { problem: "Choose one of these." } : { value: chosen.value };
  }
  return readText(field, text);
}

const missing = ({ type }: Field): string => (type === "choice" ? "Choose one of these." : "Fill this in.");

function readMany({ choices, min, max, required }: ManyField, sent: readonly string[]): Read {
  const chosen = choices.filter((_, at) => sent.includes(String(at))).map(({ value }) => value);
  const least = Math.max(min ?? 0, required ? 1 : 0);
  if (chosen.length < least && (chosen.length > 0 || required)) return { problem: `Choose at least ${least}.` };
  if (max !== undefined && chosen.length > max) return { problem: `Choose at most ${max}.` };
  return { value: chosen.length === 0 ? undefined : chosen };
}

function readNumber({ whole, min, max }: NumberField, text: string): Read {
  const value = Number(text);
  if (!Number.isFinite(value) || text.trim() === "") return { problem: "This must be a number." };
  if (whole && !Number.isInteger(value)) return { problem: "This must be a whole number." };
  if (min !== undefined && value < min) return { problem: `This must be ${min} or more.` };
  if (max !== undefined && value > max) return { problem: `This must be ${max} or less.` };
  return { value };
}

function readText({ minLength, maxLength, format }: TextField, sent: string): Read {
  // A browser sends each line end as CR LF.
  const text = sent.replaceAll("\r\n", "\n");
  const { length } = [...text];
  if (minLength !== undefined && length < minLength) return { problem: `This needs at least ${minLength} characters.` };
  if (maxLength !== undefined && length > maxLength) return { problem: `This takes at most ${maxLength} characters.` };
  if (format === "email" && !/^[^\s@]+@[^\s@]+$/.test(text)) return { problem: "This must be an e-mail address." };
  if (format === "uri" && !URL.canParse(text)) return { problem: "This must be a whole address, such as https://…" };
  if (format === "date" && !isDate(text)) return { problem: "This must be a date, such as 2026-03-31." };
  if (format === "date-time") return readMoment(text);
  return { value: text };
}

const isDate = (text: string): boolean => {
  const at = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
};

/** RFC 3339 wants an offset. Without one it is taken for UTC, as the label of the field says. */
function readMoment(text: string): Read {
  const whole = /(?:Z|[+-]\d\d:\d\d)$/i.test(text) ? text : `${text}Z`;
  const at = new Date(whole);
  if (Number.isNaN(at.getTime()) || !/^\d{4}-\d\d-\d\dT/.test(whole))
    return { problem: "This must be a date and time, such as 2026-03-31T14:00." };
  return { value: at.toISOString() };
}
