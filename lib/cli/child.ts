import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";
import { innocentEnvironment } from "./reach.js";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

/**
 * The shell that runs the command is the first of a process group. Beside it waits a reader on a pipe whose other end this
 * process holds and never writes to: when that end closes, because the command is not wanted any more or because this
 * process was killed, the reader kills the whole group.
 */
const guarded = '{ read -r _; kill -s KILL -- "-$$"; } <&3 >/dev/null 2>&1 & exec 3<&-; exec sh -c "$0"';

const outputLimit = 16 * 2 ** 20;

/** Runs a shell command with `input` on its standard input. It is killed, with all that it started, when the signal aborts. */
export async function runCommand(command: string, input: string, signal: AbortSignal): Promise<Ran> {
  const { spawn } = await import("node:child_process");
  signal.throwIfAborted();
  const child = spawn("sh", ["-c", guarded, command], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit", "pipe"],
    env: { ...process.env, ...innocentEnvironment() },
  });
  const guard = child.stdio[3];
  const kill = (): void => void guard?.destroy();
  const ended = endOf(child, kill);
  signal.addEventListener("abort", kill);
  // A command need not read what it is asked.
  ignoreErrors(child.stdin);
  child.stdin?.end(input);
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > outputLimit) kill();
    else chunks.push(chunk);
  });
  try {
    const { code, signal: killedBy } = await ended;
    signal.throwIfAborted();
    return { code, signal: killedBy, stdout: Buffer.concat(chunks).toString("utf8") };
  } finally {
    signal.removeEventListener("abort", kill);
    guard?.destroy();
  }
}

function endOf(
  child: ChildProcess,
  release: () => void,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    // What it left in the background goes with it, and lets go of its standard output.
    child.once("exit", release);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function ignoreErrors(stream: Writable | null): void {
  stream?.on("error", () => undefined);
}
