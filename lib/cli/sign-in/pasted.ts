import { createInterface } from "node:readline";
import { until } from "../../base/until.js";
import type { Io } from "../io.js";
import { ask } from "../prompt.js";

/** The next address that somebody gives: typed at a terminal, or a line of standard input. Undefined: none will come any more. */
export type Pasted = (prompt: string, signal: AbortSignal) => Promise<string | undefined>;

/** Standard input is read when the first address is asked for. */
export function pastedFrom(io: Io): Pasted {
  let lines: AsyncIterator<string> | undefined;
  return async (prompt, signal) => {
    if (io.in.isTTY) return (await ask(io, prompt, { secret: false, signal })).trim();
    lines ??= createInterface({ input: io.in })[Symbol.asyncIterator]();
    const line = lines.next();
    const { value, done } = await until<IteratorResult<string>>({ signal }, (resolve, reject) => {
      line.then(resolve, reject);
      return () => undefined;
    });
    return done ? undefined : value.trim();
  };
}
