import measure from "fast-string-truncated-width";

export interface Layout {
  /** The width of the terminal; without one nothing is cut. */
  readonly width?: number | undefined;
  /** The column that gets narrower when the width does not suffice. */
  readonly flexible: number;
  /** Columns that go below the others, a line each, when that does not suffice either. */
  readonly stacked?: readonly number[] | undefined;
  readonly head: (text: string) => string;
}

const gap = "  ";
const narrowest = 16;
const ellipsis = "…";

type Cells = readonly string[];

/** Columns under their heads, without lines. Widths are those of a terminal, where some characters take two places. */
export function table(heads: Cells, rows: readonly Cells[], layout: Layout): string {
  const { width, flexible, stacked = [] } = layout;
  const widths = widthsOf(heads, rows);
  const excess = width === undefined ? 0 : whole(widths) - width;
  if (excess <= 0) return lines(heads, rows, widths, layout.head).join("\n");
  const wide = widths[flexible] ?? 0;
  if (wide - excess >= narrowest || stacked.length === 0) {
    widths[flexible] = Math.max(Math.min(wide, narrowest), wide - excess);
    return lines(heads, rows, widths, layout.head).join("\n");
  }
  return blocks(heads, rows, layout);
}

/** Each row as a block: the short columns side by side, the stacked columns below them. */
function blocks(heads: Cells, rows: readonly Cells[], { width = 0, stacked = [], head }: Layout): string {
  const beside = (cells: Cells): string[] => cells.filter((_, i) => !stacked.includes(i));
  const short = rows.map(beside);
  const widths = widthsOf(beside(heads), short);
  for (let excess = whole(widths) - width; excess > 0; excess = whole(widths) - width) {
    const widest = widths.indexOf(largest(widths));
    if ((widths[widest] ?? 0) <= 1) break;
    widths[widest] = Math.max(1, (widths[widest] ?? 0) - excess);
  }
  const [top = "", ...firsts] = lines(beside(heads), short, widths, head);
  const rest = (cells: Cells): string[] =>
    stacked.map((i) => cells[i] ?? "").filter((cell) => cell !== "" && cell !== "-");
  const block = (first: string, i: number): string[] => [
    first,
    ...rest(rows[i] ?? []).map((cell) => gap + fit(cell, Math.max(1, width - gap.length)).text),
  ];
  return [top, ...firsts.flatMap(block)].join("\n");
}

function lines(heads: Cells, rows: readonly Cells[], widths: readonly number[], head: Layout["head"]): string[] {
  const line = (cells: Cells, paint = (text: string) => text): string =>
    cells
      .map((cell, i) => fit(cell, widths[i] ?? 0))
      .map(({ text, room }) => paint(text) + " ".repeat(room))
      .join(gap)
      .trimEnd();
  return [line(heads, head), ...rows.map((row) => line(row))];
}

const widthsOf = (heads: Cells, rows: readonly Cells[]): number[] =>
  heads.map((head, i) => rows.reduce((widest, row) => Math.max(widest, widthOf(row[i] ?? "")), widthOf(head)));

const whole = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));

const largest = (widths: readonly number[]): number => widths.reduce((most, width) => Math.max(most, width), 0);

const widthOf = (text: string): number => measure(text).width;

function fit(text: string, limit: number): { text: string; room: number } {
  const { width, index, ellipsed } = measure(text, { limit, ellipsis, ellipsisWidth: 1 });
  return ellipsed ? { text: text.slice(0, index) + ellipsis, room: limit - width - 1 } : { text, room: limit - width };
}
