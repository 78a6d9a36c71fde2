import type { Entry, Filter, Ledger } from "../../ledger/index.js";
import { allEntries } from "../../ledger/internal.js";
import { kindNames } from "../../pending/internal.js";
import { entryTable, isWaiting, pendingStates, stateNames, transitionCells } from "../entries.js";
import { exit } from "../exit.js";
import { type Io, oneLine, paint, print, printJson, progress } from "../io.js";
import { reachLedger } from "../reach.js";
import { oneOf } from "./command.js";

interface Flags {
  ledger?: string | undefined;
  all?: boolean | undefined;
  kind?: string[] | undefined;
  state?: string[] | undefined;
  session?: string[] | undefined;
  principal?: string | undefined;
  json?: boolean | undefined;
  watch?: boolean | undefined;
  wait?: boolean | undefined;
  quiet?: boolean | undefined;
}

export async function list(flags: Flags, io: Io): Promise<number | undefined> {
  const kind = oneOf(flags.kind, kindNames, "kind");
  const state = oneOf(flags.state, stateNames, "state");
  const filter: Filter = {
    ...(kind.length > 0 ? { kind } : {}),
    ...(state.length > 0 ? { state } : flags.all ? {} : { state: pendingStates }),
    ...(flags.session ? { sessionId: flags.session } : {}),
    ...(flags.principal === undefined ? {} : { principal: flags.principal }),
  };
  await using ledger = await reachLedger(flags.ledger, { make: flags.wait === true, signal: io.signal });
  // Watching starts before the list is read, so that no transition between the two is missed.
  const follows = flags.watch || flags.wait;
  const transitions = follows ? ledger.watch(watchable(filter), { signal: io.signal }) : undefined;
  const first = transitions?.next();
  first?.catch(() => undefined);
  const look = (): Promise<Entry[]> =>
    entriesWhere(ledger, filter, state.length > 0 || flags.all ? () => true : isWaiting);
  let entries = await look();
  if (flags.wait && transitions && first && entries.length === 0) {
    using _ = progress(io.err, "waits for something to list");
    for (let step = await first; !step.done; step = await transitions.next()) {
      entries = await look();
      if (entries.length > 0) break;
    }
  }
  if (entries.length > 0 || flags.json || flags.quiet) await show(entries, flags, io);
  else await print(io.err, paint(io.err).dim(await nothingYet(ledger)));
  if (!flags.watch || !transitions || !first) return undefined;
  await follow(first, transitions, flags, io);
  // A signal is the normal end of `--watch`.
  return exit.done;
}

/** `--watch` shows transitions out of the listed states too. */
const watchable = ({ state: _, ...filter }: Filter): Filter => filter;

async function entriesWhere(ledger: Ledger, filter: Filter, isListed: (entry: Entry) => boolean): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of allEntries(ledger, filter)) if (isListed(entry)) entries.push(entry);
  return entries;
}

/** For an empty list. A ledger that never had an entry gets a hint. */
async function nothingYet(ledger: Ledger): Promise<string> {
  const isNew = (await ledger.list({ limit: 1 })).length === 0;
  return isNew ? "nothing is pending: latchkey keep records what sessions ask" : "nothing is pending";
}

async function show(entries: readonly Entry[], { json, quiet }: Flags, io: Io): Promise<void> {
  if (json) for (const entry of entries) await printJson(io.out, entry);
  else if (quiet) for (const { id } of entries) await print(io.out, oneLine(id));
  else await print(io.out, entryTable(entries, { width: io.out.columns, head: paint(io.out).dim }));
}

type Transitions = ReturnType<Ledger["watch"]>;

async function follow(
  first: Promise<IteratorResult<Entry>>,
  transitions: Transitions,
  { json, quiet }: Flags,
  io: Io,
): Promise<void> {
  try {
    for (let step = await first; !step.done; step = await transitions.next()) {
      const { value } = step;
      if (json) await printJson(io.out, value);
      else if (quiet) await print(io.out, oneLine(value.id));
      else await print(io.out, `${value.updatedAt.toISOString()}  ${transitionCells(value).join("  ")}`);
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
}
