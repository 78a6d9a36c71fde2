import { isRecord } from "../base/record.js";

/**
 * What `whole` has beyond `open`, nested the same way: the fields that a schema did not name, and those it changed.
 * So a field that a newer runtime adds is kept, under seal, until somebody decides that it may be seen.
 */
export function rest(whole: Record<string, unknown>, open: Record<string, unknown>): Record<string, unknown> {
  const left: [string, unknown][] = [];
  for (const [key, value] of Object.entries(whole)) {
    const shown = fieldOf(open, key);
    if (isRecord(value) && isRecord(shown)) {
      const inner = rest(value, shown);
      if (Object.keys(inner).length > 0) left.push([key, inner]);
    } else if (JSON.stringify(value) !== JSON.stringify(shown)) left.push([key, value]);
  }
  return Object.fromEntries(left);
}

/** The reverse of `rest`: the event's data as it came. */
export function merge(open: object, left: object): Record<string, unknown> {
  const whole = new Map<string, unknown>(Object.entries(open));
  for (const [key, value] of Object.entries(left)) {
    const shown = whole.get(key);
    whole.set(key, isRecord(value) && isRecord(shown) ? merge(shown, value) : value);
  }
  return Object.fromEntries(whole);
}

/** Inherited names are no fields. */
const fieldOf = (object: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;
