import type { REPLServer } from "node:repl";

/** Words of lines that may hold a secret. A line that begins with a space is left out too, as in a shell. */
const telling =
  /token|secret|passw|credential|authorization|bearer|cookie|headers|api_?key|\bkeys?\b|reveal|stash|^\s/i;

/** Keeps lines that may hold a secret out of the history, in memory and in its file. */
export function keepSecretsOut(server: REPLServer): void {
  server.on("history", (lines: string[]) => {
    for (let i = lines.length - 1; i >= 0; i--) if (telling.test(lines[i] ?? "")) lines.splice(i, 1);
  });
}
