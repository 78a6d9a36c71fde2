/** How long replies that are out, and a store that is away, are waited for at the end. */
const closeGraceMs = 5000;

/** Waits for the work that is left; gives it up when it takes too long. */
export async function drain(work: Promise<unknown>, giveUp: () => void): Promise<void> {
  const timer = setTimeout(giveUp, closeGraceMs);
  await work.finally(() => clearTimeout(timer));
}

/**
 * The life of a recorder or a deliverer. It runs until one of three things happens, and then `finish` runs, once:
 *
 *   close()      -> `closed` resolves
 *   `gone`       the connection is over -> `closed` resolves
 *   fail(error)  the work cannot go on  -> `closed` and `close()` reject with the error
 */
export function createLifetime(gone: Promise<unknown>, finish: () => Promise<void>) {
  let end = (): void => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const asked = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  const closed = Promise.race([asked, gone]).then(finish, async (error: unknown) => {
    await finish();
    throw error;
  });
  // The error was an event too; a host that looks at neither must not die of it.
  closed.catch(() => undefined);
  const close = (): Promise<void> => {
    end();
    return closed;
  };
  return { fail, lifetime: { closed, close, [Symbol.asyncDispose]: close } };
}
