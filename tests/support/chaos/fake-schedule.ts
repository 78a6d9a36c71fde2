/** What happens in a round on the fake runtime, made from its seed and nothing else. */
import type { Fault, Likeness } from "latchkey/testing";
import { placeFault } from "../../../lib/testing/faults.js";
import { createRandom } from "../../../lib/testing/random.js";

export const asked = ["permission.requested", "external_tool.requested", "user_input.requested"] as const;

export interface FakeStep {
  readonly asks: (typeof asked)[number];
  /** Every token is ended first, so that the call of an MCP server needs another one. */
  readonly revoke: boolean;
}

export interface FakeBlow {
  /** Falls when so many messages have gone over the wire. */
  readonly at: number;
  readonly role: "host" | "keeper" | "broker" | "runtime";
  readonly index: number;
}

export interface FakeSchedule {
  readonly seed: number;
  readonly like: Likeness;
  readonly keepers: number;
  readonly brokers: number;
  readonly steps: readonly FakeStep[];
  readonly blows: readonly FakeBlow[];
  readonly faults: readonly Fault[];
}

/**
 * Without a reply that is lost while its connection lives on, which TCP does not know, and without a lost tail of the runtime's log: nobody
 * can tell then whether the runtime still waits, and an answer stays in the ledger.
 */
const faultNames = ["repeat-event", "cut-frame", "delay", "reorder", "freeze"] as const;

export function fakeScheduleOf(seed: number): FakeSchedule {
  const random = createRandom(`chaos ${seed}`);
  const { below } = random;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const messages = 250;
  return {
    seed,
    like: pick(["1.0.85", "1.0.102"]),
    keepers: 1 + below(2),
    brokers: 1 + below(2),
    steps: Array.from({ length: 1 + below(3) }, () => ({ asks: pick(asked), revoke: below(3) === 0 })),
    blows: Array.from({ length: 1 + below(4) }, () => ({
      at: 5 + below(messages),
      role: pick(["host", "keeper", "broker", "runtime"] as const),
      index: below(2),
    })).sort((a, b) => a.at - b.at),
    faults: Array.from({ length: below(4) }, () => placeFault(pick(faultNames), random, messages)),
  };
}
