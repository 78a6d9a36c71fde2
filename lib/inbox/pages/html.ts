/** Pieces of pages. What `html` is given is escaped; what a stranger wrote is made visible before. */
import { html } from "hono/html";
import { visible } from "../../base/visible.js";

export { html };
export type Html = ReturnType<typeof html>;

/** The longest text that a page shows whole. */
const longest = 20_000;

/** Words of a stranger on one line, kept apart from what stands around them. */
export const told = (text: string, limit = 300): Html => html`<bdi>${visible(text.trim(), limit)}</bdi>`;

/** Words of a stranger as they wrote them, line by line. */
export const toldWhole = (text: string): Html =>
  block(text, (part) =>
    part
      .replaceAll("\r\n", "\n")
      .split("\n")
      .map((line) => visible(line))
      .join("\n"),
  );

/** JSON that `visibleJson` made. */
export const json = (text: string): Html => block(text, (part) => part);

function block(text: string, show: (part: string) => string): Html {
  const rest = text.length - longest;
  return html`<pre class="told" tabindex="0" dir="auto">${show(text.slice(0, longest))}</pre>
${rest > 0 ? html`<p class="quiet">${rest} more characters are not shown here: <code>latchkey show</code> has them.</p>` : ""}`;
}

/** A moment, as it was told and as people say it. The script of the page keeps the words right. */
export function when(at: Date, now = Date.now()): Html {
  const iso = at.toISOString();
  return html`<time datetime="${iso}" title="${iso.slice(0, 16).replace("T", " ")} UTC">${ago(at.getTime() - now)}</time>`;
}

const units = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
] as const;

function ago(ms: number): string {
  for (const [size, name] of units) {
    const count = Math.floor(Math.abs(ms) / size);
    if (count === 0) continue;
    const words = `${count} ${name}${count === 1 ? "" : "s"}`;
    return ms < 0 ? `${words} ago` : `in ${words}`;
  }
  return ms < 0 ? "just now" : "in a moment";
}

/** Enough of an id to tell sessions apart on a screen. */
export const short = (id: string): string => visible(id.slice(0, 8));
