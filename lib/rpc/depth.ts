/**
 * Whether JSON is nested deeper than so many levels. A parser takes half a minute for fifteen million of them, and whoever walks through
 * some thousands later runs out of stack. It costs next to nothing where there are no more brackets than levels; only
 * otherwise is the text gone through, strings apart.
 */
export function isDeeper(text: string, levels: number): boolean {
  if (text.length <= 2 * levels || countOf(text, "[", levels) + countOf(text, "{", levels) <= levels) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at + 1);
    else if ((code | 0x20) === opening) {
      if (++depth > levels) return true;
    } else if ((code | 0x20) === closing) depth--;
  }
  return false;
}

const quote = 0x22;
const backslash = 0x5c;
/** `{` and, but for one bit, `[`. */
const opening = 0x7b;
const closing = 0x7d;

/** Stops counting beyond `most`. */
function countOf(text: string, character: string, most: number): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0 && count <= most; at = text.indexOf(character, at + 1)) count++;
  return count;
}

/** Where the closing quote is; the end of the text when there is none, which is no JSON then. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === backslash) before--;
    if ((at - before) % 2 === 0) return at;
  }
  return text.length;
}
