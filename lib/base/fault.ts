declare const FAULTS: boolean;

/**
 * A place where tests kill the process, to see what a crash leaves behind. The package is built with `FAULTS` false,
 * which removes every trace of it.
 */
export function fault(point: string): void {
  if (FAULTS) strike(point);
}

function strike(point: string): void {
  if (process.env.LATCHKEY_FAULT === point) process.kill(process.pid, "SIGKILL");
}
