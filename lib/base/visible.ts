/**
 * Text of a stranger (a runtime, a server, a model) made safe to show. Each hidden character becomes an escape of its own, so two
 * texts that differ look different, and nothing moves the cursor, colours or reorders what stands around it.
 *
 * Hidden are: control characters (C0, DEL, C1), line and paragraph separators, format characters (bidi, zero width), what Unicode
 * says may be drawn as nothing (tags, variation selectors, fillers), and halves of a surrogate pair.
 */
const hiddenClass = "[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}\\p{Default_Ignorable_Code_Point}]";
const hidden = new RegExp(hiddenClass, "gu");
/** Backslashes that would read as the start of an escape, or that stand before one. The look-behind keeps a long run of them linear. */
const ambiguous = new RegExp(`(?<!\\\\)\\\\+(?=${hiddenClass}|u[0-9a-f]{4}|[nrt])`, "giu");

const anyHidden = new RegExp(hiddenClass, "u");

/** Whether a text has hidden characters. */
export const hasHidden = (text: string): boolean => anyHidden.test(text);

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** As JSON writes it: one escape for each UTF-16 unit. */
function unicode(char: string): string {
  let escaped = "";
  for (let at = 0; at < char.length; at++) escaped += `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return escaped;
}

/**
 * The text on one line, without hidden characters: `\n`, `\r`, `\t` and `\uXXXX` stand for them. A backslash before what reads like
 * one of these is doubled. Of a longer text the first `limit` characters, and `…`.
 */
export function visible(text: string, limit = Number.POSITIVE_INFINITY): string {
  return cut(text, limit)
    .replace(ambiguous, (backslashes) => backslashes + backslashes)
    .replace(hidden, (char) => short[char] ?? unicode(char));
}

/** JSON without hidden characters inside its strings: `JSON.parse` gives the same value back. `indent` as in `JSON.stringify`. */
export function visibleJson(value: unknown, indent?: number): string {
  const json: string | undefined = JSON.stringify(value, undefined, indent);
  // The only control characters that JSON has outside of strings are its own line breaks.
  return (json ?? "null").replace(hidden, (char) => (char === "\n" ? char : unicode(char)));
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // Half a pair at the cut would be shown as an escape.
  const end = /[\ud800-\udbff]/.test(text.charAt(limit - 1)) ? limit - 1 : limit;
  return `${text.slice(0, end)}…`;
}
