import { visibleJson } from "../../base/visible.js";
import type { Entry, Receipt } from "../../ledger/index.js";
import { claimant, findEntry, modelSays, summary } from "../entries.js";
import { type Io, oneLine, paint, print, printJson } from "../io.js";
import { reachLedger } from "../reach.js";
import { table } from "../table.js";

interface Flags {
  ledger?: string | undefined;
  json?: boolean | undefined;
}

export async function show(id: string, flags: Flags, io: Io): Promise<undefined> {
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const entry = await findEntry(ledger, id);
  if (flags.json) return void (await printJson(io.out, entry));
  await print(io.out, describe(entry, paint(io.out).dim));
}

/** Every field of an entry on a line, its data as JSON. Its secrets stay sealed. */
export function describe(entry: Entry, dim: (text: string) => string): string {
  const { data, kind, claim: _, ...fields } = entry;
  const said = modelSays(entry);
  const lines = [
    ["kind", kind],
    ["what", summary(entry)],
    ...(said === undefined ? [] : [["model says", said]]),
    ...(entry.claim === undefined ? [] : [["claimed by", `${claimant(entry)}, fence ${entry.claim.fence}`]]),
    ...Object.entries(fields).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]),
    ["secrets", "sealed"],
  ].map(([name, value]) => `${dim(String(name).padEnd(11))}${oneLine(String(value))}`);
  const body = visibleJson(data, 2).replace(/^/gm, "  ");
  return `${lines.join("\n")}\n${dim("data")}\n${body}`;
}

export async function receipts(id: string, flags: Flags, io: Io): Promise<undefined> {
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const exact = await ledger.receipts(id);
  const found = exact.length > 0 ? exact : await ledger.receipts((await findEntry(ledger, id)).id);
  if (flags.json) for (const receipt of found) await printJson(io.out, receipt);
  else await print(io.out, history(found, { width: io.out.columns, head: paint(io.out).dim }));
}

export const history = (
  found: readonly Receipt[],
  layout: { width?: number | undefined; head: (text: string) => string },
): string =>
  table(
    ["AT", "STATE", "BY", "FENCE", "REASON"],
    found.map(({ at, state, outcome, event, by, fence, reason }) => [
      at.toISOString(),
      event ?? (outcome === undefined ? state : `${state}/${outcome}`),
      oneLine(by ?? "-"),
      String(fence ?? "-"),
      oneLine(reason ?? ""),
    ]),
    { ...layout, flexible: 4, stacked: [2, 4] },
  );
