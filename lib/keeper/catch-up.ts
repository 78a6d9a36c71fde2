import type { Entry, Ledger } from "../ledger/index.js";
import { type AskingEvent, type KindName, readAsked } from "../pending/index.js";
import type { LedgerRpc } from "./rpc.js";

export interface CatchUpOptions {
  readonly sessionId: string;
  readonly kinds: ReadonlySet<KindName>;
  record(event: AskingEvent, sessionId: string): Promise<Entry>;
  /** The log shows that an entry's request is over. */
  settle(entry: Entry): Promise<void>;
}

/**
 * Compares the entries of a session with the event log of its present load: records what is open there, settles what is over, and marks as
 * lost what the load does not know. Returns the entries that it recorded.
 */
export async function catchUp(
  rpc: LedgerRpc,
  ledger: Ledger,
  { sessionId, kinds, record, settle }: CatchUpOptions,
): Promise<Entry[]> {
  const before = await ledger.list({ sessionId, state: ["open", "answered"], kind: [...kinds] });
  const anchors = new Set(before.map(({ anchor }) => anchor));
  const shown = new Set<string>();
  const see = ({ id }: { readonly id: string }): void => {
    if (anchors.has(id)) shown.add(id);
  };
  const asked = await readAsked(rpc.session(sessionId), { see });
  const recorded: Entry[] = [];
  for (const event of asked.events) if (kinds.has(event.type)) recorded.push(await record(event, sessionId));
  for (const entry of before) if (asked.ended.has(entry.requestId)) await settle(entry);
  const known = new Set(asked.events.map(({ data }) => data.requestId));
  // Another runtime may use the same id for a session of its own: what was asked there is none of ours.
  const isHere = ({ anchor, endpoint }: Entry): boolean =>
    anchor === undefined ? endpoint === undefined || endpoint === rpc.endpoint : shown.has(anchor);
  const gone = before.filter((entry) => !known.has(entry.requestId) && isHere(entry));
  const reason = "the session's present load does not know it";
  const tools = asked.toolsListed ? gone.filter(({ kind }) => kind === "external_tool.requested") : [];
  await ledger.lost(sessionId, { only: tools.map(({ id }) => id), all: true, reason });
  if (asked.whole) await ledger.lost(sessionId, { only: gone.map(({ id }) => id), reason });
  return recorded;
}
