import { ageOf } from "../../base/amounts.js";
import { duration } from "../duration.js";
import { UsageError } from "../exit.js";
import { type Io, print, printJson } from "../io.js";
import { reachLedger } from "../reach.js";
import { text } from "./command.js";

interface Flags {
  ledger?: string | undefined;
  older?: string | undefined;
  receipts?: string | undefined;
  json?: boolean | undefined;
}

/** Nothing to delete is success: it runs from cron. */
export async function prune(flags: Flags, io: Io): Promise<undefined> {
  const entriesMs = span(text(flags.older, "--older, such as --older 30d,", "prune"), "older");
  const receiptsMs = flags.receipts === undefined ? undefined : span(flags.receipts, "receipts");
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const removed = await ledger.prune({ entriesMs, receiptsMs });
  if (flags.json) await printJson(io.out, removed);
  else await print(io.out, `deleted: ${removed.entries} entries, ${removed.receipts} receipts`);
}

function span(value: string, option: string): number {
  const ms = Math.round(duration(value, option));
  try {
    return ageOf(ms, option);
  } catch {
    throw new UsageError(`--${option} is too long`);
  }
}
