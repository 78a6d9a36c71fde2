import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { sqlitePlace } from "../../tests/support/ledger/place.js";
import { startPostgres } from "../../tests/support/ledger/postgres-server.js";
import { type Call, calls, type Lived, type LivesSettings, type System, systems } from "../lives.js";
import { type Measured, measured } from "../numbers.js";
import { built } from "../processes.js";
import { type Row, ratio } from "../table.js";
import { interleave, type Scale } from "./round.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const atOnce = 8;
/** How often each call waits for the server: tests/ledger/round-trips.test.ts counts it. */
const roundTrips: Readonly<Record<Call, number>> = { record: 2, claim: 3, answer: 2, deliver: 3, settle: 2 };

/** Lives a second of some processes together, and what their calls took. */
async function run(count: number, settings: LivesSettings, forMs: number): Promise<{ rate: number; lived: Lived[] }> {
  const children: ChildProcess[] = [];
  try {
    for (let i = 0; i < count; i++) children.push(fork(built("lives"), [JSON.stringify(settings)]));
    await Promise.all(children.map((child) => told(child)));
    const began = performance.now();
    for (const child of children) child.send(forMs);
    const lived = (await Promise.all(children.map((child) => told(child)))) as Lived[];
    const lives = lived.reduce((sum, one) => sum + one.lives, 0);
    return { rate: (lives / (performance.now() - began)) * 1000, lived };
  } finally {
    for (const child of children) child.disconnect();
    await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
  }
}

async function told(child: ChildProcess): Promise<unknown> {
  const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`a process ended with ${code}`)));
  const [message] = await Promise.race([once(child, "message"), ended]);
  ended.catch(() => undefined);
  return message;
}

const connectionsOf = (count: number): number => Math.max(3, Math.round(atOnce / Math.sqrt(count)));

export async function throughputRows({ rounds, size }: Scale): Promise<Row[]> {
  const installed = spawnSync(process.execPath, [join(root, "scripts/tools.mjs"), "queues"], { stdio: "inherit" });
  if (installed.status !== 0) throw new Error("the queues could not be installed");
  const forMs = Math.max(2000, 4000 * size);
  const times = Math.min(rounds, 3);
  /** Of all processes together. */
  const warm = 400 * size;
  const counts = size < 1 ? [1, 4] : [1, 4, 16];
  await using server = await startPostgres({ fsync: true, connections: 200 });
  await using files = await sqlitePlace();
  const postgres = await server.location();
  const sqlite = await files.location();
  const rows: Row[] = [];
  for (const count of counts) {
    const figures = await interleave<System | "latchkey on SQLite">(
      [...systems, "latchkey on SQLite"],
      times,
      async (name) => {
        const isSqlite = name === "latchkey on SQLite";
        const connections = connectionsOf(count);
        const settings = {
          system: isSqlite ? "latchkey" : name,
          location: isSqlite ? sqlite : postgres,
          atOnce,
          connections,
          warm,
        };
        return (await run(count, settings, forMs)).rate;
      },
    );
    const group = "From record to settled, beside job queues that insert, fetch and complete";
    const value = ratio({ figures }, "latchkey", "pg-boss");
    const targets = [{ what: "latchkey / pg-boss", value, limit: 0.5, side: "at least" }] as const;
    rows.push({ group, name: `${count} processes, ${atOnce} at once each`, unit: "/s", figures, targets });
  }
  rows.push(await latency("SQLite", sqlite, forMs), await latency("PostgreSQL", postgres, forMs));
  return rows;
}

async function latency(engine: string, location: string, forMs: number): Promise<Row> {
  const { lived } = await run(1, { system: "latchkey", location, atOnce: 1, connections: 2, warm: 100 }, forMs);
  const label = (call: Call): string => (engine === "SQLite" ? call : `${call}, ${roundTrips[call]} round trips`);
  const figures: Record<string, Measured> = Object.fromEntries(
    calls.map((call) => [label(call), measured([lived[0]?.took[call] ?? Number.NaN])]),
  );
  return { group: "One call alone", name: `on ${engine}, median`, unit: "ms", figures, targets: [] };
}
