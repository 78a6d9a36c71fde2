import { stat } from "node:fs/promises";
import { type Ledger, openLedger } from "latchkey/ledger";
import { key, type Place, sqlitePlace } from "../../tests/support/ledger/place.js";
import { startPostgres } from "../../tests/support/ledger/postgres-server.js";
import { oauthRequest, token } from "../../tests/support/ledger/requests.js";
import { type Fill, fillPostgres, fillSqlite } from "../ledger-fill.js";
import { type Measured, measured, quantile } from "../numbers.js";
import { type Row, ratio } from "../table.js";
import { interleave, type Scale } from "./round.js";

/** What the calls of one kind took, each, and how many of them fit in a second. */
interface Took {
  readonly each: Measured;
  readonly perSecond: number;
  readonly p99: number;
}

async function time(times: number, run: (index: number) => Promise<unknown>, atOnce = 1): Promise<Took> {
  const took: number[] = [];
  let next = 0;
  const began = performance.now();
  const worker = async (): Promise<void> => {
    while (next < times) {
      const index = next++;
      const start = performance.now();
      await run(index);
      took.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const perSecond = (times / (performance.now() - began)) * 1000;
  return { each: measured(took), perSecond, p99: quantile(took, 0.99) };
}

let made = 0;
const request = () => {
  made++;
  return oauthRequest({
    principal: `p${made}`,
    sessionId: `session ${made}`,
    requestId: `r${made}`,
    clientSecret: "s",
  });
};

const steps = ["record", "record, 16 at once", "claim", "answer", "deliver and settle"] as const;
type Steps = Record<(typeof steps)[number], Took>;

/** Entries from end to end, each step timed. */
async function lives(ledger: Ledger, calls: number): Promise<Steps> {
  const ids: string[] = [];
  const claims = new Map<number, NonNullable<Awaited<ReturnType<Ledger["claim"]>>>>();
  const record = await time(calls, async () => ids.push((await ledger.record(request())).id));
  const records = await time(calls, () => ledger.record(request()), 16);
  const claim = await time(calls, async (index) => {
    const held = await ledger.claim({ id: ids[index] }, { owner: "bench" });
    if (held) claims.set(index, held);
  });
  const answer = await time(calls, async (index) => claims.get(index)?.answer(token("A")));
  const deliver = await time(calls, async (index) =>
    (await ledger.deliver(ids[index] ?? "", { owner: "bench" }))?.settle({ accepted: true }),
  );
  return { record, "record, 16 at once": records, claim, answer, "deliver and settle": deliver };
}

const looks = ["claim whatever is open, and release", "list, 20 open", "list, 20 of a session", "record"] as const;
type Looks = Record<(typeof looks)[number], Measured>;

/** What must not cost more because of entries that are settled. */
async function look(ledger: Ledger, times: number): Promise<Looks> {
  const claim = async (): Promise<void> => (await ledger.claim({}, { owner: "bench" }))?.release();
  return {
    "claim whatever is open, and release": (await time(times, claim)).each,
    "list, 20 open": (await time(times, () => ledger.list({ state: "open", limit: 20 }))).each,
    "list, 20 of a session": (await time(times, () => ledger.list({ sessionId: "session 7", limit: 20 }))).each,
    record: (await time(times, () => ledger.record(request()))).each,
  };
}

interface Engine {
  readonly steps: Steps;
  readonly looks: ReadonlyMap<number, Looks>;
  /** The claim again, turn by turn on this ledger and on one that never held more than a few entries. */
  readonly beside: Record<"an empty ledger" | "the full one", Measured>;
  readonly bytesEach: number;
  readonly prunedPerSecond: number;
}

async function measureEngine(
  place: Place,
  fillOf: (location: string) => Fill,
  calls: number,
  amounts: readonly number[],
): Promise<Engine> {
  const location = await place.location();
  const fill = fillOf(location);
  await using empty = await openLedger(await place.location(), { key });
  await using ledger = await openLedger(location, { key });
  const found = await lives(ledger, calls);
  const byAmount = new Map<number, Looks>([[0, await look(ledger, 200)]]);
  const before = await fill.size();
  let filled = 0;
  for (const amount of amounts) {
    await fill.settled(amount - filled);
    filled = amount;
    byAmount.set(amount, await look(ledger, 200));
  }
  for (let index = 0; index < 100; index++) await empty.record(request());
  const both = { "an empty ledger": empty, "the full one": ledger } as const;
  const beside = await interleave(["an empty ledger", "the full one"], 20, async (name) => {
    const claim = async (): Promise<void> => (await both[name].claim({}, { owner: "bench" }))?.release();
    return (await time(20, claim)).each.value;
  });
  const bytesEach = ((await fill.size()) - before) / filled;
  await fill.age(Math.min(filled, 20_000));
  const began = performance.now();
  const { entries } = await ledger.prune({ entriesMs: 3_600_000, receiptsMs: 3_600_000 });
  const prunedPerSecond = (entries / (performance.now() - began)) * 1000;
  return { steps: found, looks: byAmount, beside, bytesEach, prunedPerSecond };
}

export async function ledgerRows({ size }: Scale): Promise<Row[]> {
  const calls = Math.round(1_000 * size);
  const amounts = size < 1 ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000];
  const engines = new Map<string, Engine>();
  {
    await using place = await sqlitePlace();
    const fill = (location: string) => fillSqlite(location, async () => (await stat(location)).size);
    engines.set("SQLite", await measureEngine(place, fill, calls, amounts));
  }
  {
    await using server = await startPostgres({ fsync: true });
    engines.set("PostgreSQL", await measureEngine(server, fillPostgres, calls, amounts));
  }
  const rows: Row[] = [];
  for (const [name, { steps: found, looks: byAmount, beside }] of engines) {
    const each = (what: (took: Took) => Measured) => Object.fromEntries(steps.map((step) => [step, what(found[step])]));
    const group = `The ledger on ${name}, every step on disk before it resolves`;
    rows.push({ group, name: "one call, median", unit: "ms", figures: each(({ each }) => each), targets: [] });
    rows.push({ group, name: "one call, p99", unit: "ms", figures: each(({ p99 }) => measured([p99])), targets: [] });
    const rate = each(({ perSecond }) => measured([perSecond]));
    rows.push({ group, name: "calls", unit: "/s", figures: rate, targets: [] });
    const most = amounts.at(-1) ?? 0;
    for (const what of looks) {
      const label = (amount: number): string => `${amount.toLocaleString("en")} settled entries`;
      const figures = Object.fromEntries([...byAmount].map(([amount, found]) => [label(amount), found[what]]));
      rows.push({ group, name: what, unit: "ms", figures, targets: [] });
    }
    const growth = ratio({ figures: beside }, "the full one", "an empty ledger");
    rows.push({
      group,
      name: `claim with ${most.toLocaleString("en")} settled entries, turn by turn`,
      unit: "ms",
      figures: beside,
      targets: [{ what: "full / empty", value: growth, limit: 1.5, side: "at most" }],
    });
  }
  const group = "The ledger as a whole";
  const pick = (what: (engine: Engine) => number) =>
    Object.fromEntries([...engines].map(([name, engine]) => [name, measured([what(engine)])]));
  const bytes = pick(({ bytesEach }) => bytesEach / 1000);
  rows.push({ group, name: "an entry on disk with its four receipts", unit: "KB", figures: bytes, targets: [] });
  const pruned = pick(({ prunedPerSecond }) => prunedPerSecond);
  rows.push({ group, name: "entries pruned", unit: "/s", figures: pruned, targets: [] });
  return rows;
}
