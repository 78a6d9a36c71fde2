/**
 * One process of a throughput row: it takes requests, or jobs of a queue, from their record to their end, several at once, for a time. It
 * says how many, and how long each call took.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { openLedger } from "latchkey/ledger";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import { key } from "../tests/support/ledger/place.js";
import { oauthRequest, token } from "../tests/support/ledger/requests.js";
import { median } from "./numbers.js";

export const systems = ["latchkey", "pg-boss", "graphile-worker"] as const;
export type System = (typeof systems)[number];

export interface LivesSettings {
  readonly system: System;
  readonly location: string;
  /** Lives at once. */
  readonly atOnce: number;
  /** Connections at most. */
  readonly connections: number;
  /** Lives before it is ready: what runs for hours is not measured while it is compiled. */
  readonly warm: number;
}

export const calls = ["record", "claim", "answer", "deliver", "settle"] as const;
export type Call = (typeof calls)[number];

export interface Lived {
  readonly lives: number;
  /** The median of each call, in milliseconds. */
  readonly took: Partial<Record<Call, number>>;
}

/** Takes one from record to end. */
type Life = (slot: number) => Promise<void>;

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const queues = createRequire(join(root, "scripts/queues/package.json"));
const payload = { kind: "token", accessToken: "x".repeat(200) };

const took = new Map<Call, number[]>(calls.map((call) => [call, []]));

async function timed<T>(call: Call, run: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await run();
  took.get(call)?.push(performance.now() - start);
  return result;
}

async function latchkey({ location, connections }: LivesSettings): Promise<Life> {
  const ledger = location.startsWith("postgres:")
    ? await openPostgresLedger(location, { key, max: connections })
    : await openLedger(location, { key });
  let made = 0;
  return async (slot) => {
    const id = `${process.pid} ${made++}`;
    const asking = { principal: `p${slot}`, sessionId: id, requestId: id, clientId: id, clientSecret: "s" };
    const entry = await timed("record", () => ledger.record(oauthRequest(asking)));
    const claim = await timed("claim", () => ledger.claim({ id: entry.id }, { owner: "bench" }));
    await timed("answer", async () => await claim?.answer(token("A")));
    const delivery = await timed("deliver", () => ledger.deliver(entry.id, { owner: "bench" }));
    const settled = await timed("settle", async () => await delivery?.settle({ accepted: true }));
    if (settled?.outcome !== "accepted") throw new Error("a life did not end well");
  };
}

interface Boss {
  on(event: "error", handler: (error: Error) => void): void;
  start(): Promise<unknown>;
  createQueue(name: string): Promise<void>;
  send(name: string, data: object): Promise<string | null>;
  fetch(name: string): Promise<{ id: string }[]>;
  complete(name: string, id: string): Promise<void>;
}

async function pgBoss({ location, connections }: LivesSettings): Promise<Life> {
  const Boss: new (options: object) => Boss = queues("pg-boss");
  const boss = new Boss({ connectionString: bare(location), max: connections, supervise: false, schedule: false });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  await boss.createQueue("lives");
  return async () => {
    await boss.send("lives", payload);
    const [job] = await boss.fetch("lives");
    if (job) await boss.complete("lives", job.id);
  };
}

interface Graphile {
  run(options: object): Promise<{ addJob(task: string, payload: object): Promise<unknown> }>;
  Logger: new (make: () => () => undefined) => object;
}

/** A worker takes the jobs; a life ends when one of this process is done. */
async function graphile({ location, connections, atOnce }: LivesSettings): Promise<Life> {
  const { run, Logger }: Graphile = queues("graphile-worker");
  const task = `life_${process.pid}`;
  const waiting: (() => void)[] = [];
  const worker = await run({
    connectionString: bare(location),
    concurrency: atOnce,
    maxPoolSize: connections,
    pollInterval: 200,
    noHandleSignals: true,
    logger: new Logger(() => () => undefined),
    taskList: { [task]: async () => waiting.shift()?.() },
  });
  return async () => {
    const done = new Promise<void>((resolve) => waiting.push(resolve));
    await worker.addJob(task, payload);
    await done;
  };
}

const bare = (location: string): string => {
  const url = new URL(location);
  url.search = "";
  return url.href;
};

const makers: Record<System, (settings: LivesSettings) => Promise<Life>> = {
  latchkey,
  "pg-boss": pgBoss,
  "graphile-worker": graphile,
};

async function main(settings: LivesSettings): Promise<void> {
  const life = await makers[settings.system](settings);
  for (let i = 0; i < settings.warm / settings.atOnce; i++)
    await Promise.all(Array.from({ length: settings.atOnce }, (_, slot) => life(slot)));
  process.on("disconnect", () => process.exit());
  const measure = async (forMs: number): Promise<void> => {
    for (const each of took.values()) each.length = 0;
    let lives = 0;
    const end = performance.now() + forMs;
    const slot = async (index: number): Promise<void> => {
      for (; performance.now() < end; lives++) await life(index);
    };
    await Promise.all(Array.from({ length: settings.atOnce }, (_, index) => slot(index)));
    const medians = [...took].flatMap(([call, each]) => (each.length === 0 ? [] : [[call, median(each)]]));
    process.send?.({ lives, took: Object.fromEntries(medians) } satisfies Lived);
  };
  process.on("message", (forMs: number) => void measure(forMs));
  process.send?.("ready");
}

// Others import the names only.
const given = process.argv[2];
if (given?.startsWith("{") && process.send) await main(JSON.parse(given));
