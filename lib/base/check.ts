import * as v from "valibot";
import { ValidationError } from "./errors.js";

/** To valibot an array is an object, and one that lacks nothing where nothing is required. */
const objects = new Set(["object", "loose_object", "strict_object", "record"]);

/** Checks a value at the boundary. The error says where and what was expected, and leaves the value out. */
export function check<S extends v.GenericSchema>(schema: S, value: unknown, subject: string): v.InferOutput<S> {
  if (Array.isArray(value) && objects.has(schema.type))
    throw new ValidationError(subject, [{ path: "", expected: "Object" }]);
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new ValidationError(
    subject,
    result.issues.map((issue) => ({ path: v.getDotPath(issue) ?? "", expected: issue.expected ?? issue.type })),
  );
}
