import Table from "cli-table3";

const none = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
    .map((part) => [part, ""]),
);

export interface Layout {
  /** The width of the terminal; without one nothing is cut. */
  readonly width?: number | undefined;
  /** The column that gives way when the width does not suffice. */
  readonly yields: number;
  readonly head: (text: string) => string;
}

const gap = 2;
const narrowest = 16;

/** Columns under their heads, without lines. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], layout: Layout): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const last = widths.length - 1;
  const whole = widths.reduce((sum, width) => sum + width, 0) + gap * last;
  if (layout.width !== undefined && whole > layout.width) {
    const wide = widths[layout.yields] ?? 0;
    widths[layout.yields] = Math.max(Math.min(wide, narrowest), wide - (whole - layout.width));
  }
  const shown = new Table({
    head: heads.map(layout.head),
    chars: { ...none, middle: " ".repeat(gap) },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colWidths: widths,
    wordWrap: false,
  });
  shown.push(...rows.map((row) => [...row]));
  return shown
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

export type Tabulate = typeof table;
