import type { Entry, Ledger, State } from "../ledger/index.js";
import { allEntries } from "../ledger/internal.js";
import { rowOf, summaryOf } from "../pending/index.js";
import { age } from "./duration.js";
import { exit, Stop } from "./exit.js";
import { oneLine } from "./io.js";
import { table } from "./table.js";

/** States of entries that somebody waits for, or may ask for again. */
export const pendingStates: readonly State[] = ["open", "answered", "sent", "lost"];

const states: Record<State, true> = {
  open: true,
  answered: true,
  sent: true,
  settled: true,
  lost: true,
  superseded: true,
  expired: true,
  cancelled: true,
};
export const stateNames = Object.keys(states).filter((name): name is State => Object.hasOwn(states, name));

/** Whether somebody still waits for an entry, or may ask for it again. */
export const isWaiting = ({ state, kind }: Pick<Entry, "state" | "kind">): boolean =>
  pendingStates.includes(state) && (state !== "lost" || rowOf(kind).askedAgain);

/** Enough of an id to tell entries apart on a screen, and to name one on a command line. */
export const shortId = (id: string): string => oneLine(id.slice(0, 8));

/** The entry with this id, or with an id that begins so. */
export async function findEntry(ledger: Ledger, id: string): Promise<Entry> {
  const exact = await ledger.get(id);
  if (exact !== undefined) return exact;
  if (id.length >= 4)
    for (const filter of [{ state: pendingStates }, {}]) {
      const found: Entry[] = [];
      for await (const entry of allEntries(ledger, filter)) if (entry.id.startsWith(id)) found.push(entry);
      if (found.length > 1) throw new Stop(exit.nothing, `more than one entry begins with "${id}"`);
      if (found[0] !== undefined) return found[0];
    }
  throw new Stop(exit.nothing, `no entry has the id "${id}"`);
}

/** What is asked, in a few words, on one line. */
export const summary = (entry: Pick<Entry, "kind" | "data">): string => oneLine(summaryOf(entry));

/** What the model says about what it wants to do, which need not be true. */
export function modelSays({ kind, data }: Pick<Entry, "kind" | "data">): string | undefined {
  const words = rowOf(kind).modelSays?.({ ...data });
  return typeof words === "string" && words !== "" ? oneLine(words) : undefined;
}

const heads = ["ID", "STATE", "KIND", "WHAT", "FOR", "AGE", "SESSION"];
/** The column of what a stranger wrote. */
const flexible = 3;
const stacked = [2, 3, 7];

/** An entry as a transition left it: everything of a row but its age. */
export function transitionCells(entry: Entry): string[] {
  const [id = "", state = "", kind = "", what = "", principal = "", , session = ""] = cells(entry);
  return [id, state, kind, what, principal, session];
}

const cells = (entry: Entry): string[] => [
  shortId(entry.id),
  entry.outcome === undefined ? entry.state : `${entry.state}/${entry.outcome}`,
  entry.kind,
  summary(entry),
  oneLine(entry.principal ?? "-"),
  age(entry.createdAt),
  shortId(entry.sessionId),
];

/** Who has claimed an entry, and how long the lease still runs. */
export const claimant = ({ claim }: Entry): string =>
  claim === undefined ? "" : `${oneLine(claim.owner)}, ${age(new Date(), claim.until.getTime())} left`;

/** Entries as a table. It has a column for the claimant when one of them is claimed. */
export function entryTable(
  entries: readonly Entry[],
  layout: { width?: number | undefined; head: (text: string) => string },
): string {
  const claimed = entries.some(({ claim }) => claim !== undefined);
  const rows = entries.map((entry) => [...cells(entry), ...(claimed ? [claimant(entry)] : [])]);
  return table([...heads, ...(claimed ? ["CLAIMED BY"] : [])], rows, { ...layout, flexible, stacked });
}
