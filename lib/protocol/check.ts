import * as v from "valibot";
import { ValidationError } from "../errors.js";

/** Checks a value at the boundary. The error says where and what was expected, and leaves the value out. */
export function check<S extends v.GenericSchema>(schema: S, value: unknown, subject: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new ValidationError(
    subject,
    result.issues.map((issue) => ({ path: v.getDotPath(issue) ?? "", expected: issue.expected ?? issue.type })),
  );
}
