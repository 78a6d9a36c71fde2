import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { reap, reaped } from "./world/reaper.js";

/** A program as a person at a terminal meets it: lines of text out, text in, an exit code. */
export interface Terminal extends AsyncDisposable {
  readonly pid: number;
  readonly lines: readonly string[];
  /** The first line that matches, seen already or still to come. Rejects with what there is when the program ends first. */
  line(pattern: RegExp): Promise<string>;
  type(text: string): void;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  signal(signal: NodeJS.Signals): void;
}

export function openTerminal(
  path: string,
  options: { program?: string; args?: readonly string[]; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Terminal {
  const child = spawn(options.program ?? process.execPath, [path, ...(options.args ?? [])], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    // Another program may have started `latchkey`: both are ended as one group.
    detached: options.program !== undefined,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${path} did not start`);
  reap(pid);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let complaint = "";
  let over: string | undefined;
  const look = (): void => {
    for (const check of [...waiting]) check();
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    look();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    complaint += chunk;
  });
  child.stdin.on("error", () => undefined);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, signal) => {
      reaped(pid);
      over = `${path} ended (${signal ?? code})`;
      look();
      resolve({ code, signal });
    });
  });
  return {
    pid,
    lines,
    exited,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = lines.find((line) => pattern.test(line));
          if (found === undefined && over === undefined) return;
          waiting.delete(check);
          if (found !== undefined) resolve(found);
          else reject(new Error(`${over} without a line like ${pattern}\n${lines.join("\n")}\n${complaint}`));
        };
        waiting.add(check);
        check();
      }),
    type(text) {
      child.stdin.end(text);
    },
    signal(signal) {
      child.kill(signal);
    },
    async [Symbol.asyncDispose]() {
      if (over === undefined && options.program === undefined) child.kill("SIGKILL");
      else if (over === undefined) process.kill(-pid, "SIGKILL");
      await exited;
    },
  };
}
