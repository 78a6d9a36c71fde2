import * as v from "valibot";

/** W3C Trace Context, section 3.2: version, trace id, parent id, flags. Ids of zeros are none; version `ff` is forbidden. */
const traceparent = v.pipe(
  v.string(),
  v.regex(/^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/),
);

export const isTraceparent = (value: unknown): value is string => v.is(traceparent, value);

/** @throws TypeError when it is no `traceparent`. */
export function traceparentOf(value: unknown): string {
  const found = v.safeParse(traceparent, value);
  if (!found.success) throw new TypeError('"traceparent" must be a header of W3C Trace Context');
  return found.output;
}
