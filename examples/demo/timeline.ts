export type Role = "demo" | "runtime" | "host" | "keeper" | "broker" | "callback";

const colours: Record<Role, number> = { demo: 90, runtime: 34, host: 33, keeper: 32, broker: 35, callback: 36 };

export interface Timeline {
  tell(role: Role, pid: number, what: string): void;
  /** Milliseconds since the demo began. */
  now(): number;
}

/** Prints who did what, and when. Colour only on a terminal that wants it. */
export function openTimeline(out: NodeJS.WriteStream): Timeline {
  const began = performance.now();
  const coloured = out.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  const now = (): number => Math.round(performance.now() - began);
  out.write(`${"ms".padStart(5)}  ${"who".padEnd(8)}  ${"pid".padEnd(7)}  what\n`);
  return {
    now,
    tell(role, pid, what) {
      const who = role.padEnd(8);
      const shown = coloured ? `\x1b[${colours[role]}m${who}\x1b[0m` : who;
      out.write(`${String(now()).padStart(5)}  ${shown}  ${String(pid).padEnd(7)}  ${what}\n`);
    },
  };
}
