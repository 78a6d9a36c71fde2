import { type Contestant, contestants } from "../clients/index.js";
import { type Measured, measured, median } from "../numbers.js";
import { startPeer, startSubject } from "../processes.js";
import { type Row, ratio } from "../table.js";
import { type Counted, type EventSize, sessionOf } from "../tasks.js";
import { interleave, type Scale } from "./round.js";

interface Run {
  readonly short: Counted;
  /** A flood ten times as long, in the same process. */
  readonly long: Counted;
}

interface Pour {
  readonly busyMicros?: number;
  readonly size?: EventSize;
}

/** A fresh process and a fresh peer for each run: peak memory never goes down again. */
async function flood(contestant: Contestant, events: number, { busyMicros = 0, size }: Pour = {}): Promise<Run> {
  await using peer = await startPeer();
  await using subject = await startSubject(contestant);
  await subject.ask("connect", { place: { port: peer.port } });
  await subject.ask("open", { openings: [{ sessionId: sessionOf(0) }] });
  const pour = async (count: number): Promise<Counted> => {
    await subject.ask("expect", { events: count, busyMicros });
    peer.flood({ events: count, sessions: 1, burst: 0, ...(size && { size }) });
    return subject.ask("counted", {});
  };
  // Twice, so that what a process has to compile and to reserve is done.
  await pour(events);
  await pour(events);
  return { short: await pour(events), long: await pour(events * 10) };
}

export async function floodRows({ rounds, size }: Scale): Promise<Row[]> {
  const group = "A flood of events, written as fast as the socket takes them";
  const events = Math.round(25_000 * size);
  const runs = new Map<string, Run[]>();
  await interleave(contestants, rounds, async (name) => {
    const run = await flood(name, events);
    runs.set(name, [...(runs.get(name) ?? []), run]);
    return 0;
  });
  const slow: Run[] = [];
  for (let round = 0; round < Math.max(1, Math.round(rounds / 3)); round++)
    slow.push(await flood("latchkey", Math.round(events / 10), { busyMicros: 50 }));
  const cpuOf = ({ long }: Run): number => (long.cpuMs / long.events) * 1000;
  const small = await interleave(["bare", "latchkey"] as const, rounds, async (name) =>
    cpuOf(await flood(name, events, { size: "250 bytes" })),
  );

  const pick = (what: (run: Run) => number): Record<string, Measured> =>
    Object.fromEntries([...runs].map(([name, of]) => [name, measured(of.map(what))]));
  const cpu = pick(cpuOf);
  const peak = pick(({ short }) => short.peakRss / 1e6);
  const long = {
    ...pick(({ long }) => long.peakRss / 1e6),
    "latchkey, handler taking 50 µs": measured(slow.map(({ long }) => long.peakRss / 1e6)),
  };
  const growth = median((runs.get("latchkey") ?? []).map(({ short, long }) => long.peakRss / short.peakRss));
  return [
    {
      group,
      name: "CPU per event, whole process",
      unit: "µs",
      figures: cpu,
      targets: [
        {
          what: "latchkey / bare loop",
          value: ratio({ figures: cpu }, "latchkey", "bare"),
          limit: 1.2,
          side: "at most",
        },
        { what: "SDK / latchkey", value: ratio({ figures: cpu }, "sdk", "latchkey"), limit: 3, side: "at least" },
      ],
    },
    {
      group,
      name: "CPU per event of 250 bytes, whole process",
      unit: "µs",
      figures: small,
      targets: [
        {
          what: "latchkey / bare loop",
          value: ratio({ figures: small }, "latchkey", "bare"),
          limit: 1.2,
          side: "at most",
        },
      ],
    },
    { group, name: "events", unit: "/s", figures: pick(({ long }) => (long.events / long.wallMs) * 1000), targets: [] },
    {
      group,
      name: `peak RSS, ${events} events`,
      unit: "MB",
      figures: peak,
      targets: [
        { what: "latchkey / SDK", value: ratio({ figures: peak }, "latchkey", "sdk"), limit: 0.6, side: "at most" },
      ],
    },
    {
      group,
      name: "peak RSS, ten times as many",
      unit: "MB",
      figures: long,
      targets: [{ what: "latchkey, long / short", value: growth, limit: 1.15, side: "at most" }],
    },
  ];
}

/** From the peer's write to the handler, for events that follow each other in bursts of five writes. */
export async function delayRows({ rounds, size }: Scale): Promise<Row[]> {
  const names = ["bare", "latchkey", "latchkey without the nudge", "vscode-jsonrpc", "sdk"] as const;
  const events = 5 * Math.max(4, Math.round(8 * size));
  const figures = await interleave(names, rounds, async (name) => {
    const plain = name === "latchkey without the nudge";
    await using peer = await startPeer();
    await using subject = await startSubject(plain ? "latchkey" : name);
    await subject.ask("connect", { place: { port: peer.port }, ...(plain ? { nudge: false } : {}) });
    await subject.ask("open", { openings: [{ sessionId: sessionOf(0) }] });
    await subject.ask("expect", { events, busyMicros: 0 });
    peer.flood({ events, sessions: 1, burst: 5 });
    const { delays } = await subject.ask("counted", {});
    // The first of a burst waits for nobody.
    return median(delays.filter((_, index) => index % 5 !== 0));
  });
  return [
    {
      group: "Events that follow each other, over TCP",
      name: "from the write to the handler, second to fifth of a burst",
      unit: "ms",
      figures,
      targets: [{ what: "latchkey, ms", value: figures.latchkey.value, limit: 5, side: "at most" }],
    },
  ];
}

/** Many sessions on one connection: what one weighs, and whether an event costs more because of the others. */
export async function sessionRows({ rounds, size }: Scale): Promise<Row[]> {
  const counts = [1, 100, 10_000] as const;
  const events = Math.round(50_000 * size);
  const weights = new Map<string, number[]>();
  const names = counts.map((count) => `${count} sessions`);
  const cost = await interleave(names, rounds, async (name) => {
    const count = Number.parseInt(name, 10);
    await using peer = await startPeer();
    await using subject = await startSubject("latchkey");
    await subject.ask("connect", { place: { port: peer.port } });
    const before = await subject.ask("memory", {});
    for (let first = 0; first < count; first += 500) {
      const some = Math.min(500, count - first);
      const openings = Array.from({ length: some }, (_, index) => ({ sessionId: sessionOf(first + index) }));
      await subject.ask("open", { openings });
    }
    const after = await subject.ask("memory", {});
    weights.set(name, [...(weights.get(name) ?? []), (after.heap - before.heap) / count / 1000]);
    const pour = async (): Promise<Counted> => {
      await subject.ask("expect", { events, busyMicros: 0 });
      peer.flood({ events, sessions: count, burst: 0 });
      return subject.ask("counted", {});
    };
    await pour();
    const { cpuMs } = await pour();
    return (cpuMs / events) * 1000;
  });
  const weight = Object.fromEntries(
    [...weights].filter(([name]) => name !== "1 sessions").map(([name, values]) => [name, measured(values)]),
  );
  const group = "Sessions on one connection (latchkey)";
  const growth = ratio({ figures: cost }, "10000 sessions", "1 sessions");
  return [
    {
      group,
      name: "CPU per event",
      unit: "µs",
      figures: cost,
      targets: [{ what: "10,000 sessions / 1 session", value: growth, limit: 1.25, side: "at most" }],
    },
    { group, name: "heap per session", unit: "KB", figures: weight, targets: [] },
  ];
}
