import type { Entry, Filter, Ledger, State } from "../ledger/index.js";
import { exit, Stop } from "./exit.js";
import { oneLine } from "./io.js";

/** States in which an entry is still of interest to somebody. */
export const living: readonly State[] = ["open", "answered", "sent", "lost"];

/** Enough of an id to tell entries apart on a screen, and to name one on a command line. */
export const short = (id: string): string => id.slice(0, 8);

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
      const [kind, ...rest] = inside(
        "permissionRequest",
        ...["kind", "serverName", "toolName", "fullCommandText", "fileName", "path", "url", "intention"],
      );
      return [kind, ...rest];
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

export const heads = ["ID", "STATE", "KIND", "WHAT", "FOR", "AGE"] as const;
/** The column of what a stranger wrote. */
export const yields = 3;

export const row = (entry: Entry): string[] => [
  short(entry.id),
  entry.outcome === undefined ? entry.state : `${entry.state}/${entry.outcome}`,
  entry.kind,
  what(entry),
  oneLine(entry.principal ?? "-"),
  age(entry.createdAt),
];
