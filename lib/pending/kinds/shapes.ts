import * as v from "valibot";
import { isRecord } from "../../base/record.js";
import { redact } from "../../base/redact.js";

/** Text, at least one character of it. */
export const text = v.pipe(v.string(), v.nonEmpty());

/** JSON has no infinity: it would go out as null. */
export const finite = v.pipe(v.number(), v.finite());

/** A tool call of an MCP server waits for 180 s and then fails. The runtime accepts an answer that comes later, and nobody listens to it. */
export const mcpToolLimitMs = 180_000;

/** Holds a value to what a schema cannot say. The error names what was expected, never the value. */
export const such = <T>(holds: (value: T) => boolean, expected: string) =>
  v.rawCheck<T>(({ dataset, addIssue }) => {
    if (dataset.typed && !holds(dataset.value)) addIssue({ expected, message: expected });
  });

/** Holds a text to a pattern. The error names what was expected in words; a JSON schema made of it has the pattern. */
export const matching = (pattern: RegExp, expects: string) => ({ ...v.regex<string>(pattern), expects });

/** 68 years. Runtimes and databases count further, but not all of them. */
const countableSeconds = 2 ** 31 - 1;

/**
 * How long an answer is good, in the unit that goes out. Token endpoints write it in several ways: as text, with a fraction, as
 * `null` where they do not say. What is beyond counting counts as not said. 0 is for this one request only.
 */
export const lifetime = (unitsPerSecond: number) =>
  v.pipe(
    v.union([
      v.pipe(v.number(), v.minValue(0)),
      v.pipe(v.string(), matching(/^\s*\d+(\.\d*)?\s*$/, "a lifetime")),
      v.null(),
    ]),
    v.transform((said): number | undefined => {
      if (said === null) return undefined;
      const units = Math.floor(Number(said));
      return units > countableSeconds * unitsPerSecond ? undefined : units;
    }),
  );

/**
 * Data that a person has to see to decide, and that may be of any shape: all of it, with what is recognised as a secret hidden.
 * Whatever that changes is whole under `secrets`.
 */
export const shown = <E extends v.ObjectEntries>(entries: E) =>
  v.pipe(
    v.looseObject(entries),
    v.transform((data) => redact(data)),
  );

/** No secret field of this kind is known by name: only what `shown` hides. */
export const noSecrets = v.looseObject({});

/** The named fields of an object of any shape, in this order. Any other value has no fields. */
export function fieldsOf(value: unknown, ...names: string[]): unknown[] {
  const fields = isRecord(value) ? value : {};
  return names.map((name) => fields[name]);
}

/** An object whose `kind` is text; the runtime checks the rest against its own variants. */
export const variantOf = <T extends { kind: string }>() =>
  v.custom<T>(
    (value) => typeof value === "object" && value !== null && "kind" in value && typeof value.kind === "string",
    'an object with "kind"',
  );
