import { chmodSync, closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { REPLServer } from "node:repl";
import { isCode } from "../../base/code.js";
import { writePrivate } from "../state-folder.js";

export const historySize = 1000;

/** A line that may hold a secret. One that begins with a space is left out too, as in a shell. */
const telling: readonly RegExp[] = [
  /^\s/,
  /token|secret|passw|passphrase|credential|authorization|bearer|cookie|headers|reveal|stash/i,
  // Names of keys: key, apiKey, API_KEY, LATCHKEY_KEY; not monkey, latchkey or keypress.
  /(?:^|[^a-z])keys?(?![a-z])/i,
  /[a-z]Keys?(?![a-z])/,
  // A URL with a password.
  /\/\/[^\s/@:]*:[^\s/@]+@/,
  // What issuers begin their secrets with.
  /\b(?:gh[opsur]_|github_pat_|glpat-|sk-|sk_live_|rk_live_|xox[abeoprs]-|npm_|pypi-|hf_|dop_v1_|shpat_|AKIA|ASIA|AIza|ya29\.|eyJ)[\w-]/,
  // 32 bytes in hex or base64, as a ledger's key is.
  /[0-9a-f]{64}/i,
  /[\w+/-]{43}=/,
];

export const maySecret = (line: string): boolean => telling.some((pattern) => pattern.test(line));

/**
 * Keeps what was typed, in memory and in a file, but for lines that may hold a secret. The file is only added to, so that two
 * REPLs keep both their lines; it is cut to size when one starts.
 */
export function keepHistory(server: REPLServer, path: string): void {
  const lines = Reflect.get(server, "history");
  const file = server.terminal ? openHistory(path) : undefined;
  if (Array.isArray(lines)) lines.push(...(file?.lines.toReversed() ?? []));
  server.on("history", (all: string[]) => {
    const [newest] = all;
    if (newest === undefined) return;
    if (maySecret(newest)) all.shift();
    else if (file) writeSync(file.end, `${newest.replaceAll("\n", " ")}\n`);
  });
  if (file) server.once("exit", () => closeSync(file.end));
}

/** The newest lines, oldest first, and the end of the file to write to. */
function openHistory(path: string): { lines: string[]; end: number } {
  const found = read(path);
  const lines = found.filter((line) => !maySecret(line)).slice(-historySize);
  if (lines.length < found.length) {
    const draft = `${path}.${crypto.randomUUID()}`;
    writePrivate(draft, lines.map((line) => `${line}\n`).join(""));
    renameSync(draft, path);
  }
  const end = openSync(path, "a", 0o600);
  chmodSync(path, 0o600);
  return { lines, end };
}

function read(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  }
}
