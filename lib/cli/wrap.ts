const narrow = 78;

/** Lines of words no wider than the terminal, and never wider than a page, each after the indent. A long word stays whole. */
export function wrap(text: string, indent: string, columns = narrow): string {
  const limit = Math.min(columns, narrow);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > limit) {
      lines.push(indent + line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, indent + line].join("\n");
}
