import { figure, type Row } from "./table.js";

const series = [
  { key: "bare loop", colour: "#8b949e", names: ["bare"] },
  { key: "latchkey", colour: "#1a7f37", names: ["latchkey", "latchkey/rpc"] },
  { key: "vscode-jsonrpc", colour: "#0969da", names: ["vscode-jsonrpc", "vscode-jsonrpc/node"] },
  { key: "official SDK", colour: "#cf222e", names: ["sdk", "@github/copilot-sdk"] },
] as const;

const [width, left, right, top, step] = [860, 330, 60, 74, 30];
const [least, most] = [0.25, 1000];

/** Where a ratio lies: the axis is logarithmic. */
function x(value: number): number {
  const part = Math.log(value / least) / Math.log(most / least);
  return Math.round((left + Math.min(Math.max(part, 0), 1) * (width - left - right)) * 10) / 10;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Every row that has latchkey and the SDK in it, as multiples of latchkey's figure. Less is better. */
export function chart(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => {
    const points = series.flatMap(({ key, colour, names }) => {
      const found = names.map((name) => row.figures[name]).find((measured) => measured !== undefined);
      return found ? [{ key, colour, value: found.value }] : [];
    });
    const own = points.find(({ key }) => key === "latchkey");
    if (row.unit === "/s" || !own || !points.some(({ key }) => key === "official SDK")) return [];
    return [{ row, own, points }];
  });
  const height = top + lines.length * step + 24;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="15" font-weight="600" fill="#1f2328">Multiples of latchkey's figure (less is better, logarithmic)</text>`,
  ];
  series.forEach(({ key, colour }, index) => {
    const at = 22 + index * 140;
    parts.push(
      `<circle cx="${at}" cy="48" r="5" fill="${colour}"/><text x="${at + 10}" y="52" fill="#1f2328">${key}</text>`,
    );
  });
  for (const tick of [0.5, 1, 2, 10, 100, 1000])
    parts.push(
      `<line x1="${x(tick)}" y1="${top - 8}" x2="${x(tick)}" y2="${height - 22}" stroke="#d1d9e0"/>`,
      `<text x="${x(tick)}" y="${height - 8}" text-anchor="middle" font-size="11" fill="#59636e">${tick}×</text>`,
    );
  lines.forEach(({ row, own, points }, index) => {
    const y = top + index * step + step / 2;
    const label = `${row.name}${row.group.includes("stdio") ? ", stdio" : ""}`;
    const short = label.length > 46 ? `${label.slice(0, 45)}…` : label;
    parts.push(
      `<text x="${left - 14}" y="${y + 4}" text-anchor="end" fill="#1f2328">${escaped(short)}</text>`,
      `<line x1="${left}" y1="${y}" x2="${width - right}" y2="${y}" stroke="#eff2f5"/>`,
    );
    for (const { colour, value } of [...points].sort((a) => (a === own ? 1 : -1)))
      parts.push(`<circle cx="${x(value / own.value)}" cy="${y}" r="5" fill="${colour}" fill-opacity="0.85"/>`);
    parts.push(
      `<text x="${width - right + 8}" y="${y + 4}" font-size="11" fill="#59636e">${figure(own.value)} ${row.unit}</text>`,
    );
  });
  return `${parts.join("\n")}\n</svg>\n`;
}
