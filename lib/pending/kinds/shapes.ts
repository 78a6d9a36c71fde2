import * as v from "valibot";

/** Text, at least one character of it. */
export const text = v.pipe(v.string(), v.nonEmpty());

/** A whole number of at least one. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** Nothing of this kind is secret. */
export const noSecrets = v.looseObject({});

/** An object whose `kind` is text; the runtime checks the rest against its own variants. */
export const variantOf = <T extends { kind: string }>() =>
  v.custom<T>(
    (value) => typeof value === "object" && value !== null && "kind" in value && typeof value.kind === "string",
    'an object with "kind"',
  );
