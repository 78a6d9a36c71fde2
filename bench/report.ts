import { readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { chart } from "./chart.js";
import { figure, met, type Row, ratio, spread, targetText } from "./table.js";

/** One run: what was measured, where, and when. */
export interface Run {
  readonly date: string;
  readonly node: string;
  readonly machine: string;
  readonly rows: readonly Row[];
}

export function runOf(rows: readonly Row[]): Run {
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model.trim() || process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`;
  return { date: new Date().toISOString().slice(0, 10), node: process.version, machine, rows };
}

const begin = "<!-- figures: written by npm run bench -->";
const end = "<!-- end of figures -->";

/** Puts the run into docs/: the figures into performance.md, the rest beside it. */
export async function writeDocs(docs: string, run: Run): Promise<void> {
  const page = join(docs, "performance.md");
  const text = await readFile(page, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} has no place for the figures`);
  await writeFile(page, `${text.slice(0, from)}${begin}\n\n${markdown(run)}\n${text.slice(to)}`);
  const withoutValues = (name: string, value: unknown): unknown => (name === "values" ? undefined : value);
  await writeFile(join(docs, "performance.json"), `${JSON.stringify(run, withoutValues, 1)}\n`);
  await writeFile(join(docs, "performance.svg"), chart(run.rows));
}

function markdown({ date, node, machine, rows }: Run): string {
  const lines = [`Measured on ${date} with Node ${node} on ${machine}.`];
  const targets = rows.flatMap((row) => row.targets.map((target) => ({ row, target })));
  lines.push("", "| target | | |", "| --- | --- | --- |");
  for (const { row, target } of targets)
    lines.push(`| ${row.name} | ${targetText(target).replace(/: \w+$/, "")} | ${met(target) ? "met" : "**missed**"} |`);
  for (const group of new Set(rows.map((row) => row.group))) {
    lines.push("", `### ${group}`);
    for (const row of rows.filter((row) => row.group === group)) {
      const reference = "latchkey" in row.figures && row.unit !== "/s" ? "latchkey" : undefined;
      lines.push("", `**${row.name}**`, "", `| | ${row.unit} | half of the runs |${reference ? " × latchkey |" : ""}`);
      lines.push(`| --- | ---: | ---: |${reference ? " ---: |" : ""}`);
      for (const [name, measured] of Object.entries(row.figures)) {
        const times = reference ? ` ${figure(ratio(row, name, reference))} |` : "";
        lines.push(`| ${name} | ${figure(measured.value)} | ${spread(measured)} |${times}`);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}
