/** Fields from the schema of an elicitation: flat, of primitive values (MCP, client features, elicitation, "Requested schema"). */
import { isRecord } from "../../base/record.js";
import type { Choice, Field } from "./field.js";

const fieldLimit = 200;

/** Undefined where the schema has what no field can hold: then the answer is given as JSON. */
export function fieldsOfSchema(schema: unknown): Field[] | undefined {
  if (!isRecord(schema) || !isRecord(schema.properties)) return undefined;
  const required = Array.isArray(schema.required) ? schema.required : [];
  const fields = Object.entries(schema.properties).map(([name, property]) =>
    isRecord(property) ? fieldOf(name, property, required.includes(name)) : undefined,
  );
  if (fields.length > fieldLimit) return undefined;
  return fields.every((field) => field !== undefined) ? fields : undefined;
}

type Property = Readonly<Record<string, unknown>>;

function fieldOf(name: string, property: Property, required: boolean): Field | undefined {
  const common = { name, label: textOf(property.title) ?? name, help: textOf(property.description), required };
  const choices = choicesOf(property);
  if (choices !== undefined)
    return { ...common, type: "choice", choices, value: textOf(property.default) ?? undefined };
  if (property.type === "string") return textField(common, property);
  if (property.type === "boolean") return { ...common, type: "boolean", value: property.default === true };
  if (property.type === "number" || property.type === "integer")
    return {
      ...{ ...common, type: "number", whole: property.type === "integer" },
      ...{ min: numberOf(property.minimum), max: numberOf(property.maximum), value: numberOf(property.default) },
    };
  if (property.type === "array" && isRecord(property.items)) {
    const items = choicesOf(property.items);
    const values = Array.isArray(property.default) ? property.default.filter((one) => typeof one === "string") : [];
    const [min, max] = [numberOf(property.minItems), numberOf(property.maxItems)];
    return items && { ...common, type: "many", choices: items, values, min, max };
  }
  return undefined;
}

type Common = Pick<Field, "name" | "label" | "help" | "required">;
const formats = ["email", "uri", "date", "date-time"] as const;

function textField(common: Common, property: Property): Field {
  const format = formats.find((one) => one === property.format);
  const [minLength, maxLength] = [numberOf(property.minLength), numberOf(property.maxLength)];
  const long = format === undefined && maxLength !== undefined && maxLength > 200;
  return { ...common, type: "text", format, minLength, maxLength, long, value: textOf(property.default) };
}

/** `enum` with `enumNames`, or `oneOf` (`anyOf` in items) of `const` with `title`. */
function choicesOf(property: Property): Choice[] | undefined {
  const { enum: values, enumNames: names } = property;
  if (Array.isArray(values)) {
    const texts = values.filter((value) => typeof value === "string");
    const named = Array.isArray(names) ? names : [];
    return texts.length === values.length
      ? texts.map((value, at) => ({ value, label: textOf(named[at]) ?? value }))
      : undefined;
  }
  const alternatives = property.oneOf ?? property.anyOf;
  if (!Array.isArray(alternatives)) return undefined;
  const choices = alternatives.flatMap((one) =>
    isRecord(one) && typeof one.const === "string" ? [{ value: one.const, label: textOf(one.title) ?? one.const }] : [],
  );
  return choices.length === alternatives.length ? choices : undefined;
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const numberOf = (value: unknown): number | undefined => (Number.isFinite(value) ? Number(value) : undefined);
