/** npm run bench: one table of what latchkey costs, beside the official SDK, vscode-jsonrpc and the bare loop. */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { callRows } from "./rows/calls.js";
import { circleRows } from "./rows/circle.js";
import { delayRows, floodRows, sessionRows } from "./rows/floods.js";
import { ledgerRows } from "./rows/ledger.js";
import type { Scale } from "./rows/round.js";
import { coldStartRows, importRows, sizeRows } from "./rows/weights.js";
import { printTable, type Row } from "./table.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Few and short runs: to see that everything works. */
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const parts: Record<string, (scale: Scale) => Promise<Row[]>> = {
  calls: callRows,
  delays: delayRows,
  floods: floodRows,
  sessions: sessionRows,
  circle: circleRows,
  ledger: ledgerRows,
  imports: importRows,
  sizes: sizeRows,
  start: coldStartRows,
};

const chosen = positionals.length === 0 ? Object.keys(parts) : positionals;
const scale: Scale = options.quick ? { rounds: 3, size: 0.2 } : { rounds: 9, size: 1 };
const rows: Row[] = [];
for (const name of chosen) {
  const part = parts[name];
  if (!part) throw new Error(`no part "${name}"; there are ${Object.keys(parts).join(", ")}`);
  const found = await part(scale);
  process.stdout.write(`${printTable(found)}\n`);
  rows.push(...found);
}
if (options.json) await writeFile(options.json, `${JSON.stringify({ rows }, undefined, 2)}\n`);
