import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

export type StdioRuntime = ChildProcessByStdio<Writable, Readable, null>;

/** A runtime that speaks over its stdio and ends with it. */
export function spawnRuntime({ path, home }: { path: string; home: string }): StdioRuntime {
  return spawn(path, ["--headless", "--stdio", "--no-auto-update"], {
    cwd: home,
    env: { ...process.env, HOME: home },
    stdio: ["pipe", "pipe", "ignore"],
  });
}

export async function end(child: StdioRuntime): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
