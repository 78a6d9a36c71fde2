const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * What `whole` has beyond `open`, nested the same way: the fields that a schema did not name, and those it changed.
 * So a field that a newer runtime adds is kept, under seal, until somebody decides that it may be seen.
 */
export function rest(whole: Record<string, unknown>, open: Record<string, unknown>): Record<string, unknown> {
  const left: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(whole)) {
    const shown = open[key];
    if (isObject(value) && isObject(shown)) {
      const inner = rest(value, shown);
      if (Object.keys(inner).length > 0) left[key] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(shown)) left[key] = value;
  }
  return left;
}

/** The reverse of `rest`: the event's data as it came. */
export function merge(open: object, left: object): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...open };
  for (const [key, value] of Object.entries(left)) {
    const shown = whole[key];
    whole[key] = isObject(value) && isObject(shown) ? merge(shown, value) : value;
  }
  return whole;
}
