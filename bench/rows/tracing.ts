import { subscribe } from "latchkey/tracing";
import { traced } from "../../lib/base/tracing.js";
import { median } from "../numbers.js";
import type { Row } from "../table.js";
import { interleave, type Scale } from "./round.js";

const about = () => ({ endpoint: "tcp://127.0.0.1:1", method: "ping", sessionId: "s" });
const nothing = (): undefined => undefined;
const run = (): Promise<void> => Promise.resolve();
const plain = (): Promise<void> => run();
const told = (): Promise<void> => traced("request", about, run, nothing);

/** CPU time of one call, in microseconds. */
async function costOf(call: () => Promise<void>, calls: number): Promise<number> {
  const before = process.cpuUsage();
  for (let made = 0; made < calls; made++) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

/** What the channels add to a call that does nothing. One process, slices in turn; a call with a subscriber publishes two events that somebody hears. */
export async function tracingRows({ rounds, size }: Scale): Promise<Row[]> {
  const calls = Math.round(100_000 * size);
  const heard = async (): Promise<number> => {
    const off = subscribe("request", { start: nothing, asyncEnd: nothing });
    const cost = await costOf(told, calls);
    off();
    return cost;
  };
  const ways = {
    "not traced": () => costOf(plain, calls),
    "no subscriber": () => costOf(told, calls),
    "one subscriber": heard,
  } as const;
  for (const way of Object.values(ways)) await way();
  const names = ["not traced", "no subscriber", "one subscriber"] as const;
  const figures = await interleave(names, rounds * 3, (name) => ways[name]());
  const added = (name: "no subscriber" | "one subscriber"): number =>
    median(figures[name].values.map((value, round) => value - (figures["not traced"].values[round] ?? 0)));
  return [
    {
      group: "Tracing channels (latchkey)",
      name: "CPU of a call that does nothing",
      unit: "µs",
      figures,
      targets: [
        { what: "added without a subscriber, µs", value: added("no subscriber"), limit: 0.1, side: "at most" },
        { what: "added for each event with one, µs", value: added("one subscriber") / 2, limit: 2, side: "at most" },
      ],
    },
  ];
}
