import { randomBytes } from "node:crypto";
import { type Io, print } from "../io.js";

/** A key for a ledger, as `LATCHKEY_KEY` takes it. It is kept nowhere. */
export async function newKey(io: Io): Promise<undefined> {
  await print(io.out, randomBytes(32).toString("base64url"));
}
