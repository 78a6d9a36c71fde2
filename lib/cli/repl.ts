import type { Io } from "./io.js";
export async function repl(
  _given: { ledger: string | undefined; endpoint: string | undefined },
  _io: Io,
): Promise<undefined> {}
