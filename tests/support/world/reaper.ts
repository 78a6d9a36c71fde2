/** The processes that must not outlive this one, by id, however it ends short of SIGKILL. */
const alive = new Set<number>();
let listening = false;

const signals = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const;

export function reap(pid: number): void {
  if (!listening) {
    listening = true;
    process.on("exit", killAll);
    for (const [signal, code] of signals) {
      // A program that listens itself ends itself, in its own way.
      if (process.listenerCount(signal) === 0) process.on(signal, () => process.exit(code));
    }
  }
  alive.add(pid);
}

/** It is gone, and its id may be another's soon. */
export function reaped(pid: number): void {
  alive.delete(pid);
}

function killAll(): void {
  for (const pid of alive) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was gone already.
    }
  }
}
