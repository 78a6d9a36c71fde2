import measure from "fast-string-truncated-width";

export interface Layout {
  /** The width of the terminal; without one nothing is cut. */
  readonly width?: number | undefined;
  /** The column that gives way when the width does not suffice. */
  readonly yields: number;
  readonly head: (text: string) => string;
}

const gap = "  ";
const narrowest = 16;
const ellipsis = "…";

/** Columns under their heads, without lines. Widths are those of a terminal, where some characters take two places. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], layout: Layout): string {
  const widths = heads.map((head, i) => Math.max(...[head, ...rows.map((row) => row[i] ?? "")].map(widthOf)));
  const whole = widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
  if (layout.width !== undefined && whole > layout.width) {
    const wide = widths[layout.yields] ?? 0;
    widths[layout.yields] = Math.max(Math.min(wide, narrowest), wide - (whole - layout.width));
  }
  const line = (cells: readonly string[], paint = (text: string) => text): string =>
    cells
      .map((cell, i) => fit(cell, widths[i] ?? 0))
      .map(({ text, room }) => paint(text) + " ".repeat(room))
      .join(gap)
      .trimEnd();
  return [line(heads, layout.head), ...rows.map((row) => line(row))].join("\n");
}

const widthOf = (text: string): number => measure(text).width;

function fit(text: string, limit: number): { text: string; room: number } {
  const { width, index, ellipsed } = measure(text, { limit, ellipsis, ellipsisWidth: 1 });
  return ellipsed ? { text: text.slice(0, index) + ellipsis, room: limit - width - 1 } : { text, room: limit - width };
}
