/**
 * npm run fuzz -- --inputs 1000000 --seed 1: the long form of the fuzzer.
 * Feeds hostile input to connections in memory; ends with a figure a line, or with the seed of the connection that failed.
 */

import { parseArgs } from "node:util";
import { collect } from "../support/collect.js";
import { createTally, fuzzConnection } from "../support/fuzz.js";

const { values } = parseArgs({
  options: { inputs: { type: "string", default: "1000000" }, seed: { type: "string", default: String(Date.now()) } },
});
const inputs = Number(values.inputs);
let seed = Number(values.seed);
const patienceMs = 30_000;

process.on("unhandledRejection", (reason) => {
  process.stderr.write(`seed ${seed}: a rejection that nobody heard: ${String(reason)}\n`);
  process.exit(1);
});
let watchdog: NodeJS.Timeout | undefined;
const watch = (): void => {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => {
    process.stderr.write(`seed ${seed}: hung for ${patienceMs} ms\n`);
    process.exit(1);
  }, patienceMs);
};

const tally = createTally();
const heaps: number[] = [];
const began = performance.now();
process.stdout.write(`seed ${seed}\n`);
while (tally.inputs < inputs) {
  watch();
  await fuzzConnection(seed, 200, tally);
  seed += 1;
  if (tally.connections % 5_000 === 0) {
    collect();
    heaps.push(process.memoryUsage().heapUsed);
    process.stdout.write(`${tally.inputs} inputs, heap ${(process.memoryUsage().heapUsed / 2 ** 20).toFixed(1)} MiB\n`);
  }
}
clearTimeout(watchdog);
collect();
const memory = process.memoryUsage();
process.stdout.write(
  `${JSON.stringify(
    {
      inputs: tally.inputs,
      connections: tally.connections,
      requests: tally.requests,
      seconds: Math.round((performance.now() - began) / 1_000),
      ends: Object.fromEntries(tally.ends),
      closes: Object.fromEntries(tally.closes),
      listenerErrors: tally.listenerErrors,
      heapMiB: Math.round(memory.heapUsed / 2 ** 20),
      heapAtFirstMiB: Math.round((heaps[0] ?? memory.heapUsed) / 2 ** 20),
      maxRssMiB: Math.round(process.resourceUsage().maxRSS / 2 ** 10),
    },
    undefined,
    2,
  )}\n`,
);
