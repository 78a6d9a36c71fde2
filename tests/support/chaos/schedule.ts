/** What happens in a round, made from its seed and nothing else. */
export type Role = "host" | "keeper" | "broker" | "runtime";

export interface Blow {
  /** Milliseconds after the first prompt. */
  readonly at: number;
  readonly role: Role;
  /** Which of the role's processes, where there are several. */
  readonly index: number;
  /** SIGKILL, or SIGSTOP and after so many milliseconds SIGCONT. */
  readonly stopMs: number | undefined;
}

export interface Step {
  readonly kind: "echo" | "ticket";
  /** Every token is ended first, so that the call needs another one. */
  readonly revoke: boolean;
}

export interface Schedule {
  readonly seed: number;
  readonly keepers: number;
  readonly brokers: number;
  /** Permissions go through the ledger; otherwise the host approves them itself. */
  readonly permissions: boolean;
  readonly steps: readonly Step[];
  readonly blows: readonly Blow[];
}

export function scheduleOf(seed: number): Schedule {
  const random = generator(seed);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const chance = (share: number): boolean => random() < share;
  const keepers = 1 + upTo(2);
  const brokers = 1 + upTo(2);
  const steps = Array.from({ length: 1 + upTo(3) }, (): Step => {
    const kind = chance(0.7) ? "echo" : "ticket";
    return { kind, revoke: kind === "echo" && chance(0.5) };
  });
  const roles: readonly Role[] = ["host", "keeper", "broker", "runtime"];
  const blows: Blow[] = [];
  for (let strokes = 1 + upTo(4), at = 0; strokes > 0; strokes -= 1) {
    at += upTo(900);
    // A random set falls at the same instant.
    const first = upTo(roles.length);
    const set = roles.filter((_, index) => index === first || chance(0.2));
    for (const role of set) {
      const stopMs = chance(0.3) ? 100 + upTo(role === "runtime" ? 900 : 3500) : undefined;
      blows.push({ at, role, index: upTo(2), stopMs });
    }
  }
  return { seed, keepers, brokers, permissions: chance(0.5), steps, blows };
}

/** mulberry32: small, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
