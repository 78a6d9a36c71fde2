import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Somewhere to keep a ledger: every `location()` is an empty one of its own. */
export interface Place extends AsyncDisposable {
  readonly engine: "sqlite" | "postgres";
  location(): Promise<string>;
}

/** 32 bytes for ledgers that bring none along. */
export const key = Buffer.alloc(32, 7).toString("base64url");

export async function sqlitePlace(): Promise<Place & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "latchkey-ledger-"));
  let made = 0;
  return {
    engine: "sqlite",
    dir,
    location: async () => join(dir, `${++made}`, "ledger.db"),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}
