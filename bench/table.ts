import { type Measured, median } from "./numbers.js";

export type Unit = "ms" | "µs" | "MB" | "KB" | "/s" | "×";

/** One line of the table: what each contestant took, and what the targets say about it. */
export interface Row {
  readonly group: string;
  readonly name: string;
  readonly unit: Unit;
  readonly figures: Readonly<Record<string, Measured>>;
  readonly targets: readonly Target[];
}

/** A ratio, or a value when there is nothing to divide by, that is to stay on one side of a limit. */
export interface Target {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  readonly side: "at most" | "at least";
}

export const met = ({ value, limit, side }: Target): boolean => (side === "at most" ? value <= limit : value >= limit);

/**
 * `of` divided by `by`, both from the same row. When they were measured in the same rounds it is the median of the rounds'
 * ratios: what slowed a whole round down cancels out.
 */
export function ratio(row: Pick<Row, "figures">, of: string, by: string): number {
  const [over, under] = [row.figures[of], row.figures[by]];
  if (!over || !under) return Number.NaN;
  if (over.values.length !== under.values.length) return over.value / under.value;
  return median(over.values.map((value, round) => value / (under.values[round] ?? Number.NaN)));
}

export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en").replaceAll(",", " ");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

export const spread = ({ low, high, values }: Measured): string =>
  values.length < 2 || low === high ? "" : `${figure(low)}–${figure(high)}`;

export const targetText = (target: Target): string =>
  `${target.what} ${figure(target.value)}, ${target.side} ${figure(target.limit)}: ${met(target) ? "met" : "MISSED"}`;

/** The table as lines of text, a block a group. */
export function printTable(rows: readonly Row[]): string {
  const lines: string[] = [];
  for (const group of new Set(rows.map((row) => row.group))) {
    lines.push("", group);
    for (const row of rows.filter((row) => row.group === group)) {
      lines.push(`  ${row.name}`);
      for (const [name, measured] of Object.entries(row.figures))
        lines.push(
          `    ${name.padEnd(34)}${`${figure(measured.value)} ${row.unit}`.padStart(14)}   ${spread(measured)}`.trimEnd(),
        );
      for (const target of row.targets) lines.push(`    > ${targetText(target)}`);
    }
  }
  return lines.join("\n");
}
