import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRuntime } from "latchkey/rpc";
import { bundled, type Reply, startModel } from "../../tests/support/world.js";
import { hostTool, type Place } from "../clients/client.js";
import { type Contestant, contestants } from "../clients/index.js";
import { measured } from "../numbers.js";
import { startSubject } from "../processes.js";
import { type Row, ratio } from "../table.js";
import { interleave, type Scale, subjects } from "./round.js";

/** Those whose calls are short take turns quickly, so that a round is over before the machine changes its mind. */
const quick = ["bare", "latchkey", "vscode-jsonrpc"] as const;

/** One call after the other: many short rounds, and a few for the SDK, which takes 40 ms a call over TCP. */
async function oneByOne(calls: (name: Contestant, count: number) => Promise<number>, { rounds, size }: Scale) {
  const count = Math.max(20, Math.round(200 * size));
  const short = await interleave(quick, rounds * 12, (name) => calls(name, count));
  return {
    ...short,
    ...(await interleave(["sdk"], rounds, (name) => calls(name, Math.max(3, Math.round(count / 20))))),
  };
}

export async function callRows(scale: Scale): Promise<Row[]> {
  const home = await mkdtemp(join(tmpdir(), "latchkey-bench-"));
  try {
    await using runtime = await startRuntime({ path: bundled.path, home, cwd: home });
    const place = { port: Number(new URL(runtime.endpoint).port), token: runtime.token };
    return [
      ...(await overTcp(place, scale)),
      ...(await eventCalls(place, home, scale)),
      ...(await overStdio(home, scale)),
    ];
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function overTcp(place: Place, { rounds, size }: Scale): Promise<Row[]> {
  await using all = await subjects((subject) => subject.ask("connect", { place }));
  const calls = async (name: Contestant, count: number, inFlight: number, bytes: number): Promise<number> =>
    (await all.of(name).ask("calls", { call: "ping", count, inFlight, bytes })).each;
  for (const name of quick) await calls(name, Math.round(2_000 * size), 1, 8);

  const one = await oneByOne((name, count) => calls(name, count, 1, 8), { rounds, size });
  const many = await interleave(contestants, rounds, (name) => calls(name, 64 * Math.round(20 * size), 64, 8));
  const rows: Row[] = [
    {
      group: "Calls over TCP, runtime 1.0.85",
      name: "a call and its answer (ping)",
      unit: "ms",
      figures: one,
      targets: [
        {
          what: "latchkey / bare loop",
          value: ratio({ figures: one }, "latchkey", "bare"),
          limit: 1.15,
          side: "at most",
        },
        { what: "SDK / latchkey", value: ratio({ figures: one }, "sdk", "latchkey"), limit: 100, side: "at least" },
      ],
    },
    {
      group: "Calls over TCP, runtime 1.0.85",
      name: "64 calls in flight, each",
      unit: "ms",
      figures: many,
      targets: [],
    },
  ];
  for (const [mebibytes, count] of [
    [1, 10],
    [16, 2],
  ] as const) {
    const figures = await interleave(contestants, rounds, (name) =>
      calls(name, Math.max(1, Math.round(count * size)), 1, mebibytes * 2 ** 20),
    );
    rows.push({
      group: "Calls over TCP, runtime 1.0.85",
      name: `a ${mebibytes} MiB message there and back`,
      unit: "ms",
      figures,
      targets: [],
    });
  }
  return rows;
}

/** Calls that make the runtime write an event and then the answer. */
async function eventCalls(place: Place, home: string, { rounds, size }: Scale): Promise<Row[]> {
  await using model = await startModel();
  const names = ["bare", "bare with the nudge", "latchkey", "latchkey without the nudge", "sdk"] as const;
  const variants = {
    bare: { contestant: "bare" },
    "bare with the nudge": { contestant: "bare", nudge: true },
    latchkey: { contestant: "latchkey" },
    "latchkey without the nudge": { contestant: "latchkey", nudge: false },
    sdk: { contestant: "sdk" },
    "bare over stdio": { contestant: "bare", place: { path: bundled.path, home } },
  } as const;
  const group = "Calls that make the runtime emit an event, over TCP";
  const rows: Row[] = [];
  const testRuntime = async (name: keyof typeof variants, modelUrl?: string) => {
    const { contestant, ...how } = variants[name];
    const subject = await startSubject(contestant);
    await subject.ask("connect", { place, ...how });
    await subject.ask("open", { openings: [{ modelUrl }] });
    return subject;
  };
  const targets = (figures: Row["figures"]): Row["targets"] => [
    { what: "latchkey, ms", value: figures.latchkey?.value ?? Number.NaN, limit: 1, side: "at most" },
    { what: "SDK / latchkey", value: ratio({ figures }, "sdk", "latchkey"), limit: 30, side: "at least" },
  ];
  const log = await interleave(names, rounds, async (name) => {
    await using subject = await testRuntime(name);
    const count = Math.max(5, Math.round(30 * size));
    return (await subject.ask("calls", { call: "log", count, inFlight: 1, bytes: 8 })).each;
  });
  rows.push({ group, name: "session.log", unit: "ms", figures: log, targets: targets(log) });

  const lags = new Map<string, number[]>();
  const answers = (call: Reply, ofHost: boolean) =>
    interleave([...names, "bare over stdio"] as const, Math.max(2, Math.round(rounds / 2)), async (name) => {
      const count = Math.max(3, Math.round(8 * size));
      for (let turn = 0; turn < count; turn++) model.say(call, { text: "done" });
      await using subject = await testRuntime(name, model.baseUrl);
      const { each, lag } = await subject.ask("approvals", { count, ofHost });
      if (ofHost) lags.set(name, [...(lags.get(name) ?? []), lag]);
      return each;
    });
  const answer = await answers({ tool: hostTool.name }, true);
  rows.push({
    group,
    name: "the answer to a permission, for a tool of the host",
    unit: "ms",
    figures: answer,
    targets: targets(answer),
  });
  const shell = await answers({ tool: "bash", arguments: { command: "touch noted", description: "note" } }, false);
  rows.push({
    group,
    name: "the answer to a permission, for a shell command",
    unit: "ms",
    figures: shell,
    targets: [],
  });
  const lag = Object.fromEntries([...lags].map(([name, values]) => [name, measured(values)]));
  rows.push({
    group,
    name: "an event of a turn, from its timestamp to the handler, nine of ten",
    unit: "ms",
    figures: lag,
    targets: [{ what: "latchkey, ms", value: lag.latchkey?.value ?? Number.NaN, limit: 10, side: "at most" }],
  });
  return rows;
}

async function overStdio(home: string, { rounds, size }: Scale): Promise<Row[]> {
  await using all = await subjects((subject) => subject.ask("connect", { place: { path: bundled.path, home } }));
  const calls = async (name: Contestant, count: number): Promise<number> =>
    (await all.of(name).ask("calls", { call: "ping", count, inFlight: 1, bytes: 8 })).each;
  for (const name of contestants) await calls(name, Math.round(2_000 * size));
  const count = Math.max(20, Math.round(200 * size));
  const figures = await interleave(contestants, rounds * 12, (name) => calls(name, count));
  return [
    {
      group: "Calls over stdio, runtime 1.0.85",
      name: "a call and its answer (ping)",
      unit: "ms",
      figures,
      targets: [
        { what: "latchkey / bare loop", value: ratio({ figures }, "latchkey", "bare"), limit: 1.15, side: "at most" },
        { what: "latchkey / SDK", value: ratio({ figures }, "latchkey", "sdk"), limit: 1, side: "at most" },
      ],
    },
  ];
}
