import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";
import { childEnvironment } from "../base/environment.js";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** A process that it started left its group, by `setsid` for example, and lives on with its standard output. */
  readonly escaped: boolean;
}

/**
 * The shell that runs the command is the first of a process group. Beside it waits a reader on a pipe whose other end this
 * process holds and never writes to: when that end closes, because the command is not wanted any more or because this
 * process was killed, the reader kills the whole group.
 */
const guarded = '{ read -r _; kill -s KILL -- "-$$"; } <&3 >/dev/null 2>&1 & exec 3<&-; exec sh -c "$0"';

/** Printed once for a command that left a process running. latchkey cannot end it: it does not know its id. */
export const escapeRemark =
  "the command left a process behind that holds its output and is not of its process group any more (setsid); it was not ended";

const outputLimit = 16 * 2 ** 20;
/** The command has ended and the pipe has been silent for this long: another process holds it. */
const quietMs = 1000;
const drainMs = 5000;

/**
 * Runs a shell command with `input` on its standard input. When it has ended, and when the signal aborts, all of its process group
 * is killed.
 */
export async function runCommand(command: string, input: string, signal: AbortSignal): Promise<Ran> {
  const { spawn } = await import("node:child_process");
  signal.throwIfAborted();
  const child = spawn("sh", ["-c", guarded, command], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit", "pipe"],
    env: childEnvironment(),
  });
  const guard = child.stdio[3];
  const kill = (): void => void guard?.destroy();
  const ended = endOf(child, kill);
  signal.addEventListener("abort", kill);
  // A command may end without reading its input.
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
    const how = await ended;
    signal.throwIfAborted();
    return { ...how, stdout: Buffer.concat(chunks).toString("utf8") };
  } finally {
    signal.removeEventListener("abort", kill);
    guard?.destroy();
  }
}

/** Resolves when the command has ended and its output is read, even if another process still holds the pipes. */
function endOf(child: ChildProcess, release: () => void): Promise<Omit<Ran, "stdout">> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      // Its background processes are killed too, which closes its standard output.
      release();
      const settle = (escaped: boolean): void => {
        clearTimeout(quiet);
        clearTimeout(late);
        if (escaped) for (const stream of child.stdio) stream?.destroy();
        resolve({ code, signal, escaped });
      };
      const quiet = setTimeout(settle, quietMs, true);
      const late = setTimeout(settle, drainMs, true);
      child.stdout?.on("data", () => quiet.refresh());
      child.once("close", () => settle(false));
    });
  });
}

function ignoreErrors(stream: Writable | null): void {
  stream?.on("error", () => undefined);
}
