import { createInterface, type Interface } from "node:readline";
import { until } from "../../base/until.js";
import type { Io } from "../io.js";
import { ask } from "../prompt.js";

/** Addresses that somebody gives: typed at a terminal, or lines of standard input. */
export interface Pasted extends Disposable {
  /** The next one. Undefined: none will come any more. */
  next(prompt: string, signal: AbortSignal): Promise<string | undefined>;
}

/** Standard input is read when the first address is asked for, and let go when it is disposed of: a process that reads does not end. */
export function pastedFrom(io: Io): Pasted {
  let reader: Interface | undefined;
  let lines: AsyncIterator<string> | undefined;
  return {
    async next(prompt, signal) {
      if (io.in.isTTY) return (await ask(io, prompt, { secret: false, signal })).trim();
      reader ??= createInterface({ input: io.in });
      lines ??= reader[Symbol.asyncIterator]();
      const line = lines.next();
      const { value, done } = await until<IteratorResult<string>>({ signal }, (resolve, reject) => {
        line.then(resolve, reject);
        return () => undefined;
      });
      return done ? undefined : value.trim();
    },
    [Symbol.dispose]: () => reader?.close(),
  };
}
