import type { Entry, Filter, Ledger } from "../../ledger/index.js";
import { kindNames } from "../../pending/internal.js";
import { allEntries, cells, entryTable, isWaiting, pendingStates, stateNames } from "../entries.js";
import { exit } from "../exit.js";
import { type Io, oneLine, paint, print, printJson, progress } from "../io.js";
import { reachLedger } from "../reach.js";
import { oneOf } from "./command.js";

interface Wanted {
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

export async function list(wanted: Wanted, io: Io): Promise<number | undefined> {
  const kind = oneOf(wanted.kind, kindNames, "kind");
  const state = oneOf(wanted.state, stateNames, "state");
  const filter: Filter = {
    ...(kind.length > 0 ? { kind } : {}),
    ...(state.length > 0 ? { state } : wanted.all ? {} : { state: pendingStates }),
    ...(wanted.session ? { sessionId: wanted.session } : {}),
    ...(wanted.principal === undefined ? {} : { principal: wanted.principal }),
  };
  await using ledger = await reachLedger(wanted.ledger, { make: wanted.wait === true });
  // From before the list on, so that nothing moves unseen between the two.
  const follows = wanted.watch || wanted.wait;
  const moves = follows ? ledger.watch(watchable(filter), { signal: io.signal }) : undefined;
  const first = moves?.next();
  first?.catch(() => undefined);
  const look = (): Promise<Entry[]> => all(ledger, filter, state.length > 0 || wanted.all ? () => true : isWaiting);
  let entries = await look();
  if (wanted.wait && moves && first && entries.length === 0) {
    using _ = progress(io.err, "waits for something to list");
    for (let step = await first; !step.done; step = await moves.next()) {
      entries = await look();
      if (entries.length > 0) break;
    }
  }
  if (entries.length > 0 || wanted.json || wanted.quiet) await show(entries, wanted, io);
  else await print(io.err, paint(io.err).dim(await nothingYet(ledger)));
  if (!wanted.watch || !moves || !first) return undefined;
  await follow(first, moves, wanted, io);
  // Whoever looks on stops when they have seen enough.
  return exit.done;
}

/** A transition out of the states that were asked for is of interest too. */
const watchable = ({ state: _, ...filter }: Filter): Filter => filter;

async function all(ledger: Ledger, filter: Filter, wanted: (entry: Entry) => boolean): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of allEntries(ledger, filter)) if (wanted(entry)) entries.push(entry);
  return entries;
}

/** An empty list says what would fill it, as long as nothing ever did. */
async function nothingYet(ledger: Ledger): Promise<string> {
  const isNew = (await ledger.list({ limit: 1 })).length === 0;
  return isNew ? "nothing is pending: latchkey keep records what sessions ask" : "nothing is pending";
}

async function show(entries: readonly Entry[], { json, quiet }: Wanted, io: Io): Promise<void> {
  if (json) for (const entry of entries) await printJson(io.out, entry);
  else if (quiet) for (const { id } of entries) await print(io.out, oneLine(id));
  else await print(io.out, entryTable(entries, { width: io.out.columns, head: paint(io.out).dim }));
}

type Moves = ReturnType<Ledger["watch"]>;

async function follow(
  first: Promise<IteratorResult<Entry>>,
  moves: Moves,
  { json, quiet }: Wanted,
  io: Io,
): Promise<void> {
  try {
    for (let step = await first; !step.done; step = await moves.next()) {
      const { value } = step;
      if (json) await printJson(io.out, value);
      else if (quiet) await print(io.out, oneLine(value.id));
      else await print(io.out, `${value.updatedAt.toISOString()}  ${cells(value).slice(0, -1).join("  ")}`);
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
}
