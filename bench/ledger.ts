/**
 * What the ledger costs on both engines, durable as it ships: `node build/bench/ledger.js [--entries 1000000] [--calls 1000]`.
 * `list` and `claim` are timed with 10^3 settled entries beside the open ones, and with `--entries` of them.
 */
import { stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type Ledger, openLedger } from "latchkey/ledger";
import { key, sqlitePlace } from "../tests/support/ledger/place.js";
import { startPostgres } from "../tests/support/ledger/postgres-server.js";
import { oauthRequest, token } from "../tests/support/ledger/requests.js";
import { type Fill, fillPostgres, fillSqlite } from "./ledger-fill.js";

const { values } = parseArgs({
  options: { entries: { type: "string", default: "1000000" }, calls: { type: "string", default: "1000" } },
});
const [many, calls] = [Number(values.entries), Number(values.calls)];

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ms = (value: number): string => `${value.toFixed(2)} ms`;

interface Timed {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

async function timed(times: number, run: (i: number) => Promise<unknown>, atOnce = 1): Promise<Timed> {
  const took: number[] = [];
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < times) {
        const i = next++;
        const start = performance.now();
        await run(i);
        took.push(performance.now() - start);
      }
    }),
  );
  const perSecond = (times / (performance.now() - began)) * 1000;
  took.sort((a, b) => a - b);
  const at = (part: number): number => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), perSecond };
}

const tell = (name: string, { p50, p99, perSecond }: Timed): void =>
  say(`  ${name.padEnd(44)} p50 ${ms(p50).padStart(10)}   p99 ${ms(p99).padStart(10)}   ${Math.round(perSecond)}/s`);

async function measure(name: string, location: string, fill: Fill): Promise<void> {
  say(`\n${name}`);
  const ledger = await openLedger(location, { key });
  await work(ledger);
  let before = await fill.size();
  let filled = 0;
  for (const total of [1000, many]) {
    if (total <= filled) continue;
    const began = performance.now();
    await fill.settled(total - filled);
    filled = total;
    say(
      `  with ${filled.toLocaleString("en")} settled entries (written in ${((performance.now() - began) / 1000).toFixed(1)} s)`,
    );
    await look(ledger);
  }
  const size = await fill.size();
  say(
    `  on disk                                      ${Math.round((size - before) / filled)} bytes an entry, receipts included`,
  );
  before = size;
  const portion = Math.min(filled, 20_000);
  await fill.age(portion);
  const began = performance.now();
  const removed = await ledger.prune({ entriesMs: 3_600_000, receiptsMs: 3_600_000 });
  const seconds = (performance.now() - began) / 1000;
  say(
    `${`  prune ${removed.entries} entries, ${removed.receipts} receipts`.padEnd(47)}${Math.round(removed.entries / seconds)} entries/s`,
  );
  await ledger.close();
}

/** One entry from end to end, each step timed. */
async function work(ledger: Ledger): Promise<void> {
  const ids: string[] = [];
  tell("record, one after the other", await timed(calls, async (i) => ids.push((await ledger.record(request(i))).id)));
  tell("record, 16 at once", await timed(calls, (i) => ledger.record(request(calls + i)), 16));
  const claims = new Map<number, NonNullable<Awaited<ReturnType<Ledger["claim"]>>>>();
  const claim = async (i: number): Promise<void> => {
    const held = await ledger.claim({ id: ids[i] }, { owner: "bench" });
    if (held) claims.set(i, held);
  };
  tell("claim", await timed(calls, claim));
  tell("answer", await timed(calls, async (i) => claims.get(i)?.answer(token("A"))));
  const sent = async (i: number) =>
    await (await ledger.deliver(ids[i] ?? "", { owner: "bench" }))?.settle({ accepted: true });
  tell("deliver and settle", await timed(calls, sent));
}

async function look(ledger: Ledger): Promise<void> {
  const times = 200;
  tell("list, 20 open", await timed(times, () => ledger.list({ state: "open", limit: 20 })));
  tell("list, 20 of a session", await timed(times, () => ledger.list({ sessionId: "session 7", limit: 20 })));
  const claim = async (): Promise<void> => (await ledger.claim({}, { owner: "bench" }))?.release();
  tell("claim whatever is open, and release", await timed(times, claim));
  tell("record", await timed(times, (i) => ledger.record(request(10_000_000 + Date.now() * 10 + i))));
}

const request = (i: number) =>
  oauthRequest({ principal: `p${i}`, sessionId: `session ${i}`, requestId: `r${i}`, clientSecret: "s" });

{
  await using place = await sqlitePlace();
  const location = await place.location();
  await measure(
    "SQLite",
    location,
    fillSqlite(location, async () => (await stat(location)).size),
  );
}
{
  await using server = await startPostgres({ fsync: true });
  const location = await server.location();
  await measure("PostgreSQL", location, fillPostgres(location));
}
