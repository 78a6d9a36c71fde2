import * as v from "valibot";
import { ValidationError } from "./errors.js";
import { visible } from "./visible.js";

/** To valibot an array is an object, and one that lacks nothing where nothing is required. */
const objects = new Set(["object", "loose_object", "strict_object", "record"]);

/** Deeper than anything that a request or an answer needs, and far from what a stack holds. */
export const maxDepth = 200;

/** Refuses what is nested deeper than those who walk through it can follow. A value inside itself is, too. */
export function refuseDeep(value: unknown, subject: string): void {
  let level: object[] = isObject(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === maxDepth)
      throw new ValidationError(subject, [{ path: "", expected: `at most ${maxDepth} levels of objects and arrays` }]);
    const next: object[] = [];
    for (const holder of level) for (const inner of Object.values(holder)) if (isObject(inner)) next.push(inner);
    level = next;
  }
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Checks a value at the boundary. The error says where and what was expected, and leaves the value out. */
export function check<S extends v.GenericSchema>(schema: S, value: unknown, subject: string): v.InferOutput<S> {
  if (Array.isArray(value) && objects.has(schema.type))
    throw new ValidationError(subject, [{ path: "", expected: "Object" }]);
  refuseDeep(value, subject);
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new ValidationError(
    subject,
    result.issues.map((issue) => ({
      path: visible(v.getDotPath(issue) ?? "", 200),
      expected: issue.expected ?? issue.type,
    })),
  );
}
