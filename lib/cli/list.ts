import type { Entry, Filter, Ledger } from "../ledger/index.js";
import { oneOf } from "./command.js";
import { every, heads, living, row, yields } from "./entries.js";
import { type Io, paint, print, printJson } from "./io.js";
import { kindNames, stateNames } from "./names-of.js";
import { reachLedger } from "./reach.js";
import { table } from "./table.js";

interface Wanted {
  ledger?: string | undefined;
  all?: boolean | undefined;
  kind?: string[] | undefined;
  state?: string[] | undefined;
  session?: string[] | undefined;
  principal?: string | undefined;
  json?: boolean | undefined;
  watch?: boolean | undefined;
}

export async function list(wanted: Wanted, io: Io): Promise<number | undefined> {
  const kind = oneOf(wanted.kind, kindNames, "kind");
  const state = oneOf(wanted.state, stateNames, "state");
  const filter: Filter = {
    ...(kind.length > 0 ? { kind } : {}),
    ...(state.length > 0 ? { state } : wanted.all ? {} : { state: living }),
    ...(wanted.session ? { sessionId: wanted.session } : {}),
    ...(wanted.principal === undefined ? {} : { principal: wanted.principal }),
  };
  await using ledger = await reachLedger(wanted.ledger);
  // From before the list on, so that nothing moves unseen between the two.
  const moves = wanted.watch ? ledger.watch(watchable(filter), { signal: io.signal }) : undefined;
  const first = moves?.next();
  first?.catch(() => undefined);
  const entries: Entry[] = [];
  for await (const entry of every(ledger, filter)) {
    if (wanted.json) await printJson(io.out, entry);
    else entries.push(entry);
  }
  if (!wanted.json) await show(entries, io);
  if (moves && first) await follow(ledger, first, moves, wanted.json === true, io);
  return undefined;
}

/** A transition out of the states that were asked for is of interest too. */
const watchable = ({ state: _, ...filter }: Filter): Filter => filter;

async function show(entries: readonly Entry[], io: Io): Promise<void> {
  const { dim } = paint(io.out);
  if (entries.length === 0) return await print(io.err, paint(io.err).dim("nothing is pending"));
  await print(io.out, table(heads, entries.map(row), { width: io.out.columns, yields, head: dim }));
}

type Moves = ReturnType<Ledger["watch"]>;

async function follow(
  _ledger: Ledger,
  first: Promise<IteratorResult<Entry>>,
  moves: Moves,
  json: boolean,
  io: Io,
): Promise<void> {
  try {
    for (let step = await first; !step.done; step = await moves.next()) {
      if (json) await printJson(io.out, step.value);
      else await print(io.out, `${step.value.updatedAt.toISOString()}  ${row(step.value).slice(0, -1).join("  ")}`);
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
}
