import { inspect } from "node:util";

export interface Expectation<E extends Error> {
  /** The class of the error; a class alone may be given instead of an expectation. */
  readonly type?: ErrorClass<E>;
  readonly code?: string | number;
  readonly name?: string;
  readonly message?: RegExp;
}
type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** Resolves to the error that `subject` rejects with (or throws), after checking it; anything else is a failure. */
export async function rejects<E extends Error = Error>(
  subject: PromiseLike<unknown> | (() => unknown),
  expectation: Expectation<E> | ErrorClass<E> = {},
): Promise<E> {
  const expected = typeof expectation === "function" ? { type: expectation } : expectation;
  const outcome = await settle(subject);
  if ("value" in outcome) throw new Error(`expected a rejection, got the value ${inspect(outcome.value)}`);
  const { error } = outcome;
  if (!isExpected(error, expected)) {
    throw new Error(`expected a rejection with ${describe(expected)}, got ${inspect(error)}`, { cause: error });
  }
  return error;
}

/** The value of `promise`, or a failure that names `what` when it takes longer than `ms`. */
export async function within<T>(ms: number, promise: PromiseLike<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function settle(
  subject: PromiseLike<unknown> | (() => unknown),
): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await (typeof subject === "function" ? subject() : subject) };
  } catch (error) {
    return { error };
  }
}

function isExpected<E extends Error>(error: unknown, expected: Expectation<E>): error is E {
  if (!(error instanceof (expected.type ?? Error))) return false;
  if (expected.code !== undefined && !("code" in error && error.code === expected.code)) return false;
  if (expected.name !== undefined && error.name !== expected.name) return false;
  return expected.message === undefined || expected.message.test(error.message);
}

function describe<E extends Error>({ type, ...rest }: Expectation<E>): string {
  return inspect(
    { ...(type && { type: type.name }), ...rest },
    { compact: true, breakLength: Number.POSITIVE_INFINITY },
  );
}
