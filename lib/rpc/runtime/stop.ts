import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { startTimer, waitOf } from "../../base/amounts.js";
import { descendantsOf, startOf } from "./processes.js";

/** SIGTERM, then SIGKILL after `graceMs` (2000); at once when it is 0. Resolves when the process is gone. */
export type Stop = (options?: { graceMs?: number }) => Promise<void>;

/** The runtime where it is not the process that was started: that one is a script which started it and waits for it. */
export interface Program {
  readonly pid: number;
  readonly start: string | null | undefined;
}

const lookAgainMs = 20;

/**
 * runs -> stopping -> gone, once. A script that started the runtime need not hand signals on, so they go to the runtime itself; the
 * script ends when the runtime does, and is ended when it does not.
 */
export function createStop(child: ChildProcess, exit: Promise<unknown>, program: () => Program | undefined): Stop {
  let stopping: Promise<void> | undefined;

  const isOver = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

  async function stopChild(graceMs: number): Promise<void> {
    if (isOver()) return;
    child.kill(graceMs > 0 ? "SIGTERM" : "SIGKILL");
    const stopTimer = startTimer(graceMs, () => child.kill("SIGKILL"));
    await exit;
    stopTimer();
  }

  async function stopProgram(program: Program, graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    let told: NodeJS.Signals | undefined;
    // Its id is its own as long as it began when it began: it is no child of ours, so nobody keeps the id for us.
    while (typeof program.start === "string" && (await startOf(program.pid)) === program.start) {
      const wanted = performance.now() < deadline ? "SIGTERM" : "SIGKILL";
      if (told !== wanted) kill(program.pid, wanted);
      told = wanted;
      await delay(lookAgainMs);
    }
    await stopChild(Math.max(0, deadline - performance.now()));
  }

  return async ({ graceMs = 2000 } = {}) => {
    waitOf(graceMs, "graceMs");
    const followed = program();
    stopping ??= followed === undefined ? stopChild(graceMs) : stopProgram(followed, graceMs);
    await stopping;
  };
}

/** Ends a process that was started and has not become a runtime, and whatever it started until then. */
export async function abandon(child: ChildProcess, exit: Promise<unknown>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const descendants = await descendantsOf(child.pid);
  child.kill("SIGKILL");
  for (const pid of descendants) kill(pid, "SIGKILL");
  await exit;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
