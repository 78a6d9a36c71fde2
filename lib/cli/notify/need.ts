import type { Entry, Ledger } from "../../ledger/index.js";
import { modelSays, summary } from "../entries.js";

/** What is told of a need. Secrets stay sealed; only the link, where there is one, is a secret. */
export interface Told {
  /** Somebody may have been told of it before: a try before this one ended without saying how. */
  readonly again: boolean;
  readonly link: string | undefined;
  readonly linkExpiresAt: Date | undefined;
}

/** The JSON that a command or a webhook gets. Names that an entry has too mean the same. */
export async function needJson(ledger: Ledger, entry: Entry, { again, link, linkExpiresAt }: Told): Promise<string> {
  const { id, kind, sessionId, principal, intent, credential, createdAt, expiresAt, data } = entry;
  const waiting = await ledger.list({ credential, state: "open" });
  const sessions = [...new Set(waiting.map((one) => one.sessionId))];
  return JSON.stringify({
    ...{ v: 1, again, id, kind, what: summary(entry), modelSays: modelSays(entry) },
    ...{ principal, sessionId, sessions, createdAt, expiresAt, intent, credential },
    ...{ link, linkExpiresAt, data },
  });
}
