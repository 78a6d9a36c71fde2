/**
 * A process that is none: its ledger and its connections, cut off at once. What a call had done by then stays done in the store, as after
 * SIGKILL; whoever waited for it never hears of it, and nothing that it calls afterwards happens.
 */
import { LedgerError } from "latchkey";
import { type Ledger, openLedger } from "latchkey/ledger";
import { connect, type Rpc } from "latchkey/rpc";
import type { FakeRuntime } from "latchkey/testing";
import { key } from "../ledger/place.js";

export interface Mortal {
  readonly dead: boolean;
  readonly signal: AbortSignal;
  readonly ledger: Ledger;
  /** A connection that ends with it. */
  connect(fake: FakeRuntime): Promise<Rpc>;
  kill(): void;
  /** Resolves when its ledger is closed. */
  readonly buried: Promise<void>;
  /** For the end of a round: who still waits for the store hears that it is gone, and keeps this process no longer alive. */
  forget(): void;
}

export async function openMortal(location: string): Promise<Mortal> {
  const real = await openLedger(location, { key });
  const aborting = new AbortController();
  const streams = new Set<{ destroy(): void }>();
  let dead = false;
  let forget: () => void = () => undefined;
  const forever = new Promise<never>((_, reject) => {
    forget = () => reject(new LedgerError("DATABASE", "the process is gone"));
  });
  forever.catch(() => undefined);
  let bury: () => void = () => undefined;
  const buried = new Promise<void>((resolve) => {
    bury = resolve;
  });

  /** What comes back to the living; claims, deliveries, seeds and watches are cut off with the rest. */
  const heard = async (work: Promise<unknown>): Promise<unknown> => {
    try {
      const value = await work;
      return dead ? await forever : cut(value);
    } catch (error) {
      if (dead) return await forever;
      throw error;
    }
  };
  function cut<T>(value: T): T {
    if (Array.isArray(value)) return value.some(hasMethods) ? (value.map(cut) as T) : value;
    return hasMethods(value) ? cutOff(value) : value;
  }
  const cutOff = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (dead) return forever;
          const given: unknown = Reflect.apply(member, target, args);
          return given instanceof Promise ? heard(given) : cut(given);
        };
      },
    });

  return {
    get dead() {
      return dead;
    },
    signal: aborting.signal,
    ledger: cutOff(real),
    buried,
    forget,
    async connect(fake) {
      const pair = fake.streams();
      streams.add(pair.readable).add(pair.writable);
      return await connect(pair, { timeoutMs: 500, signal: aborting.signal });
    },
    kill() {
      if (dead) return;
      dead = true;
      for (const stream of streams) stream.destroy();
      aborting.abort(new Error("killed"));
      void real.close().then(bury, bury);
    },
  };
}

const hasMethods = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  !(value instanceof Date) &&
  ["settle", "release", "given", "next"].some((name) => typeof Reflect.get(value, name) === "function");
