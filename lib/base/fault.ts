declare const FAULTS: boolean;

/**
 * A place where tests kill or stop the process, to see what a crash or a long sleep leaves behind. The package is built with `FAULTS` false,
 * which removes every trace of it.
 */
export function fault(point: string): void {
  if (FAULTS) strike(point);
}

function strike(point: string): void {
  const { LATCHKEY_FAULT, LATCHKEY_FAULT_SIGNAL = "SIGKILL" } = process.env;
  if (LATCHKEY_FAULT !== point) return;
  // Once: whoever was only stopped goes on from here.
  delete process.env.LATCHKEY_FAULT;
  process.kill(process.pid, LATCHKEY_FAULT_SIGNAL);
}
