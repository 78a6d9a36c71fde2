import { randomBytes } from "node:crypto";
import { exit, Stop, UsageError } from "../exit.js";
import { type Io, print } from "../io.js";
import { environmentKeys } from "../key-command.js";
import { isUrl, ledgerLocation } from "../reach.js";

/** A key for a ledger, as `LATCHKEY_KEY` takes it. It is kept nowhere. */
export async function newKey(io: Io): Promise<undefined> {
  await print(io.out, randomBytes(32).toString("base64url"));
}

interface Flags {
  principal?: string | undefined;
  ledger?: string | undefined;
}

/** Prints a principal's key, and while keys are rotated one for each of them. The ledger's own comes from where the other commands take it, never from the command line. */
export async function derive({ principal, ledger }: Flags, io: Io): Promise<undefined> {
  if (principal === undefined || principal.trim() === "")
    throw new UsageError("--principal must be a name that is not blank", "key derive");
  const { deriveKey } = await import("../../ledger/index.js");
  const keys = (await environmentKeys(io.signal)) ?? (await keyBeside(ledgerLocation(ledger)));
  if (keys === undefined)
    throw new Stop(
      exit.ledger,
      "there is no ledger key: set LATCHKEY_KEY or LATCHKEY_KEY_COMMAND, or name an SQLite ledger that has its key file",
    );
  try {
    await print(io.out, keys.map((key) => deriveKey(key, principal)).join(","));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Stop(exit.ledger, "LATCHKEY_KEY must be 32 bytes in base64, base64url or hex");
  }
}

async function keyBeside(location: string): Promise<Uint8Array[] | undefined> {
  if (isUrl(location) || location === ":memory:") return undefined;
  const { readKeyFile } = await import("../../ledger/internal.js");
  const key = readKeyFile(`${location}.key`);
  return key && [key];
}
