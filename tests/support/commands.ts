import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

export const packageRoot = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
export const latchkeyPath = join(packageRoot, "dist/cli/latchkey.cjs");

/** A folder with a state folder of its own, and `latchkey` on its PATH. */
export interface Place extends AsyncDisposable {
  readonly dir: string;
  readonly state: string;
  readonly env: NodeJS.ProcessEnv;
}

/** `runtime` is the program that `latchkey runtime start` starts; the one that is installed when left out. */
export async function openPlace(runtime?: { readonly path: string }): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), "latchkey-shell-"));
  const bin = join(dir, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "latchkey"), `#!/bin/sh\nexec "${process.execPath}" "${latchkeyPath}" "$@"\n`, {
    mode: 0o755,
  });
  const { LATCHKEY_KEY: _, LATCHKEY_LEDGER: __, COPILOT_CONNECTION_TOKEN: ___, ...inherited } = process.env;
  return {
    dir,
    state: join(dir, "state/latchkey"),
    env: {
      ...inherited,
      PATH: `${bin}:${process.env.PATH}`,
      XDG_STATE_HOME: join(dir, "state"),
      XDG_CACHE_HOME: join(dir, "cache"),
      HOME: dir,
      ...(runtime === undefined ? {} : { COPILOT_CLI_PATH: runtime.path }),
      PYENV_ROOT: process.env.PYENV_ROOT ?? join(process.env.HOME ?? "", ".pyenv"),
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }),
  };
}

export interface Block {
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a page, in order. */
export const blocksOf = (page: string): Block[] =>
  [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", code = ""]) => ({ language, code }));

/** Takes out what differs from run to run: ids, times, process ids, fences after them, ports. */
export const normal = (text: string): string =>
  text
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "UUID")
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b/g, "ID")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/\b(keep|broker|notify|answer|cancel|repl|process) \d+/g, "$1 PID")
    // A fence: how many there were before depends on who was faster.
    .replace(/PID +\d+/g, "PID FENCE")
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replace(/\b\d+s\b/g, "AGE")
    .replace(/[ \t]+/g, " ")
    .replace(/ $/gm, "")
    .trim();

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `latchkey` to its end. `onLine` sees each line of its standard output as it comes. */
export function latchkey(
  place: Pick<Place, "dir" | "env">,
  args: readonly string[],
  input = "",
  onLine?: (line: string, child: ChildProcess) => unknown,
): Promise<Ran> {
  const child = spawn(process.execPath, [latchkeyPath, ...args], { cwd: place.dir, env: place.env });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  if (onLine) createInterface({ input: child.stdout }).on("line", (line) => onLine(line, child));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, out, err }));
  });
}
