import { duration } from "../duration.js";
import { findEntry } from "../entries.js";
import { UsageError } from "../exit.js";
import { type Io, print, printJson } from "../io.js";
import { reachLedger } from "../reach.js";

interface Flags {
  ledger?: string | undefined;
  for?: string | undefined;
  link?: string | undefined;
  by?: string | undefined;
  json?: boolean | undefined;
}

const usualTime = "15m";

export async function ticket(id: string, flags: Flags, io: Io): Promise<undefined> {
  const make = ticketMaker(flags, flags.by ?? `latchkey ticket ${process.pid}`);
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const entry = await findEntry(ledger, id);
  const { ticket: made, link, expiresAt } = await make(ledger, entry.id);
  if (flags.json) await printJson(io.out, { id: entry.id, ticket: made, link, expiresAt });
  else await print(io.out, link ?? made);
}

type Ticketing = Pick<Awaited<ReturnType<typeof reachLedger>>, "ticket">;

/** Makes tickets as the options say; these are checked at once. A ticket is a secret: it goes nowhere but to who is to have it. */
export function ticketMaker(flags: Pick<Flags, "for" | "link">, by: string) {
  const ms = duration(flags.for ?? usualTime, "for");
  const base = flags.link === undefined ? undefined : inboxUrl(flags.link);
  return async (ledger: Ticketing, id: string) => {
    const expiresAt = new Date(Date.now() + ms);
    const ticket = await ledger.ticket(id, { expiresAt, by });
    return { ticket, expiresAt, link: base === undefined ? undefined : `${base}/t/${ticket}` };
  };
}

function inboxUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "")
    throw new UsageError("--link must be the inbox's URL, such as https://inbox.example");
  return url.href.replace(/\/+$/, "");
}
