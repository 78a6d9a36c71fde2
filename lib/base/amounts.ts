/**
 * Numbers and dates as a caller gives them, checked in one place. What cannot be counted is a `TypeError` that names the option,
 * before anything is sent or written.
 */

/** The longest time that one timer of Node counts, in milliseconds (24.8 days): it fires at once for a longer one. */
export const longestTimerMs = 2 ** 31 - 1;
/** The last millisecond that a `Date` can name. */
const lastMs = 8.64e15;

interface Range {
  readonly from: number;
  readonly to: number;
  readonly whole: boolean;
}

function amount(value: unknown, name: string, { from, to, whole }: Range): number {
  if (typeof value === "number" && value >= from && value <= to && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? "a whole number" : "a number";
  throw new TypeError(
    `"${name}" must be ${kind} ${to === Number.POSITIVE_INFINITY ? `of at least ${from}` : `from ${from} to ${to}`}`,
  );
}

/** How long something lives that must end by itself, such as a lease, in milliseconds: whole, and no longer than one timer counts. */
export const spanOf = (value: unknown, name: string): number =>
  amount(value, name, { from: 1, to: longestTimerMs, whole: true });

/** How long ago something was, in milliseconds. */
export const ageOf = (value: unknown, name: string): number =>
  amount(value, name, { from: 0, to: lastMs, whole: true });

/** How long to wait, in milliseconds; `Infinity` is for ever. */
export const waitOf = (value: unknown, name: string): number =>
  amount(value, name, { from: 0, to: Number.POSITIVE_INFINITY, whole: false });

/** How many, at least one. */
export const countOf = (value: unknown, name: string): number =>
  amount(value, name, { from: 1, to: Number.MAX_SAFE_INTEGER, whole: true });

/** A moment in milliseconds since 1970. `new Date("soon")` is a `Date` and no moment. */
export function momentOf(value: unknown, name: string): number {
  const at = value instanceof Date ? value.getTime() : Number.NaN;
  if (Number.isNaN(at)) throw new TypeError(`"${name}" must be a valid Date`);
  return at;
}

/** Acts after so many milliseconds, however many; what is returned stops it. */
export function startTimer(ms: number, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (left: number): void => {
    timer = setTimeout(
      () => (left > longestTimerMs ? wait(left - longestTimerMs) : act()),
      Math.min(left, longestTimerMs),
    );
  };
  if (ms !== Number.POSITIVE_INFINITY) wait(ms);
  return () => clearTimeout(timer);
}
