import type { Entry, Filter, Ledger, State } from "../ledger/index.js";
import type { KindName } from "../pending/index.js";
import { exit, Stop } from "./exit.js";
import { oneLine } from "./io.js";
import { table } from "./table.js";

/** States in which an entry is still of interest to somebody. */
export const living: readonly State[] = ["open", "answered", "sent", "lost"];

/** What is lost may be asked again, as the same question, for these kinds alone: the others' are over. */
const askedAgain: readonly KindName[] = ["mcp.oauth_required", "mcp.headers_refresh_required"];

/** Whether somebody still waits for an entry, or may ask for it again. */
export const waits = ({ state, kind }: Pick<Entry, "state" | "kind">): boolean =>
  living.includes(state) && (state !== "lost" || askedAgain.includes(kind));

/** Enough of an id to tell entries apart on a screen, and to name one on a command line. */
export const short = (id: string): string => oneLine(id.slice(0, 8));

/** The entry with this id, or with an id that begins so. */
export async function findEntry(ledger: Ledger, given: string): Promise<Entry> {
  const exact = await ledger.get(given);
  if (exact !== undefined) return exact;
  if (given.length >= 4)
    for (const filter of [{ state: living }, {}]) {
      const found: Entry[] = [];
      for await (const entry of every(ledger, filter)) if (entry.id.startsWith(given)) found.push(entry);
      if (found.length > 1) throw new Stop(exit.nothing, `more than one entry begins with "${given}"`);
      if (found[0] !== undefined) return found[0];
    }
  throw new Stop(exit.nothing, `no entry has the id "${given}"`);
}

export async function* every(ledger: Ledger, filter: Filter): AsyncGenerator<Entry> {
  for (let after: string | undefined; ; ) {
    const page = await ledger.list({ ...filter, after });
    yield* page;
    after = page.next;
    if (after === undefined) return;
  }
}

/** What is asked, in a few words, on one line. */
export const what = (entry: Pick<Entry, "kind" | "data">): string => oneLine(words(entry).filter(Boolean).join(" "));

function words(entry: Pick<Entry, "kind" | "data">): (string | undefined)[] {
  const data: Record<string, unknown> = { ...entry.data };
  const given = (...names: string[]): (string | undefined)[] =>
    names.map((name) => (typeof data[name] === "string" ? data[name] : undefined));
  const inside = (name: string, ...names: string[]): (string | undefined)[] => {
    const value = data[name];
    const fields = new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
    return names.map((each) => (typeof fields.get(each) === "string" ? String(fields.get(each)) : undefined));
  };
  switch (entry.kind) {
    case "mcp.oauth_required":
      return [...given("serverName", "reason"), ...inside("wwwAuthenticateParams", "scope")];
    case "mcp.headers_refresh_required":
      return given("serverName", "reason");
    case "permission.requested": {
      // Not its `intention`: that is what the model says about it.
      return inside(
        "permissionRequest",
        ...["kind", "serverName", "toolName", "fullCommandText", "fileName", "path", "url"],
      );
    }
    case "external_tool.requested":
      return given("toolName");
    case "elicitation.requested":
      return given("elicitationSource", "message");
    case "user_input.requested":
      return given("question");
    case "exit_plan_mode.requested":
      return given("summary");
    case "command.execute":
      return given("commandName", "args");
    case "command.queued":
      return given("command");
    default:
      return given("serverName", "message");
  }
}

/** What the model says about what it wants to do, which need not be true. */
export function modelSays({ data }: Pick<Entry, "data">): string | undefined {
  if (!("permissionRequest" in data)) return undefined;
  const { permissionRequest } = data;
  if (typeof permissionRequest !== "object" || permissionRequest === null) return undefined;
  const intention = "intention" in permissionRequest ? permissionRequest.intention : undefined;
  return typeof intention === "string" && intention !== "" ? oneLine(intention) : undefined;
}

const units = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1000, "s"],
] as const;

export function age(since: Date, now = Date.now()): string {
  const ms = Math.max(0, now - since.getTime());
  for (const [size, name] of units) if (ms >= size) return `${Math.floor(ms / size)}${name}`;
  return "0s";
}

const heads = ["ID", "STATE", "KIND", "WHAT", "FOR", "AGE"];
/** The column of what a stranger wrote. */
const yields = 3;
const below = [2, 3, 6];

export const row = (entry: Entry): string[] => [
  short(entry.id),
  entry.outcome === undefined ? entry.state : `${entry.state}/${entry.outcome}`,
  entry.kind,
  what(entry),
  oneLine(entry.principal ?? "-"),
  age(entry.createdAt),
];

/** Who works on an entry, and for how long it is theirs unless they prolong it. */
export const holder = ({ claim }: Entry): string =>
  claim === undefined ? "" : `${oneLine(claim.owner)}, ${age(new Date(), claim.until.getTime())} left`;

/** Entries as a table; who works on them is a column of its own while somebody does. */
export function entryTable(
  entries: readonly Entry[],
  layout: { width?: number | undefined; head: (text: string) => string },
): string {
  const claimed = entries.some(({ claim }) => claim !== undefined);
  const rows = entries.map((entry) => [...row(entry), ...(claimed ? [holder(entry)] : [])]);
  return table([...heads, ...(claimed ? ["CLAIMED BY"] : [])], rows, { ...layout, yields, below });
}
