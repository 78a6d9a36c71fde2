/**
 * npm run bench [-- part…]: one table of what latchkey costs, beside the official SDK, vscode-jsonrpc and the bare loop.
 * A whole run also writes its figures into docs/; `--quick` sees in short that everything works and writes nothing.
 */
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { runOf, writeDocs } from "./report.js";
import { callRows } from "./rows/calls.js";
import { circleRows } from "./rows/circle.js";
import { delayRows, floodRows, sessionRows } from "./rows/floods.js";
import { inboxRows } from "./rows/inbox.js";
import { ledgerRows } from "./rows/ledger.js";
import { oauthRows } from "./rows/oauth.js";
import type { Scale } from "./rows/round.js";
import { throughputRows } from "./rows/throughput.js";
import { tracingRows } from "./rows/tracing.js";
import { coldStartRows, fakeRows, importRows, sizeRows } from "./rows/weights.js";
import { met, printTable, type Row } from "./table.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    /** Where the figures go as JSON besides. */
    json: { type: "string" },
  },
});

// Servers that the rows start end with this process, if it is told to.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

const parts: Record<string, (scale: Scale) => Promise<Row[]>> = {
  calls: callRows,
  delays: delayRows,
  floods: floodRows,
  sessions: sessionRows,
  circle: circleRows,
  imports: importRows,
  fake: fakeRows,
  sizes: sizeRows,
  start: coldStartRows,
  ledger: ledgerRows,
  oauth: oauthRows,
  tracing: tracingRows,
  inbox: inboxRows,
  throughput: throughputRows,
};

const chosen = positionals.length === 0 ? Object.keys(parts) : positionals;
const { rounds, size }: Scale = options.quick ? { rounds: 3, size: 0.2 } : { rounds: 7, size: 1 };
const scale: Scale = { rounds: options.rounds === undefined ? rounds : Number(options.rounds), size };
const rows: Row[] = [];
for (const name of chosen) {
  const part = parts[name];
  if (!part) throw new Error(`no part "${name}"; there are ${Object.keys(parts).join(", ")}`);
  const found = await part(scale);
  process.stdout.write(`${printTable(found)}\n`);
  rows.push(...found);
  if (options.json) await writeFile(options.json, `${JSON.stringify(runOf(rows), undefined, 1)}\n`);
}
const targets = rows.flatMap((row) => row.targets);
process.stdout.write(`\n${targets.filter(met).length} of ${targets.length} targets met\n`);

if (!options.quick && positionals.length === 0) {
  const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
  await writeDocs(join(root, "docs"), runOf(rows));
}
