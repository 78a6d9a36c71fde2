/**
 * What may go wrong between a host and a runtime, by name and place. Messages are counted from 1, over all connections and runs. On one
 * connection the order of messages never changes, as on TCP.
 */

import { isRecord } from "../base/record.js";
import { encodeFrame } from "../rpc/internal.js";
import type { Between, Message, Peer } from "./peer.js";
import type { Random } from "./random.js";

/** What goes wrong, and where: `nth` counts from 1, over all connections and runs. */
export type Fault =
  /** The n-th reply, or the n-th to this method: the call has its effect, and nothing is said. */
  | { readonly fault: "drop-reply"; readonly nth: number; readonly method?: string }
  /** The n-th event, or the n-th of this type, comes twice. */
  | { readonly fault: "repeat-event"; readonly nth: number; readonly type?: string }
  /** Servers start, and questions are asked, before anybody has registered interest. */
  | { readonly fault: "ask-before-interest" }
  /** Of the n-th message only the first `at` bytes are written; then the connection breaks. */
  | { readonly fault: "cut-frame"; readonly nth: number; readonly at: number }
  /** The n-th message, and what follows it on its connection, comes so many turns of the event loop later. */
  | { readonly fault: "delay"; readonly nth: number; readonly turns: number }
  /** The n-th message, and what follows it on its connection, comes after the next message of another connection. */
  | { readonly fault: "reorder"; readonly nth: number }
  /** At the n-th message of a client the runtime stands still for so many turns of the event loop, as by SIGSTOP and SIGCONT. */
  | { readonly fault: "freeze"; readonly nth: number; readonly turns: number }
  /** It is killed at the n-th message, its own or a client's, which is lost; and started again unless `restart` is false. */
  | { readonly fault: "kill"; readonly nth: number; readonly restart?: boolean }
  /** A kill loses so many events of each session that were written last. */
  | { readonly fault: "lose-tail"; readonly events: number };

/** The name of a fault. */
export type FaultName = Fault["fault"];

/** The names of all faults. */
export const faultNames: readonly FaultName[] = [
  "drop-reply",
  "repeat-event",
  "ask-before-interest",
  "cut-frame",
  "delay",
  "reorder",
  "freeze",
  "kill",
  "lose-tail",
];

/** A fault of this name at a place that follows from the random numbers, within the first `messages` messages. */
export function placeFault(fault: FaultName, random: Random, messages = 40): Fault {
  const nth = 1 + random.below(messages);
  switch (fault) {
    case "ask-before-interest":
      return { fault };
    case "lose-tail":
      return { fault, events: 1 + random.below(5) };
    case "cut-frame":
      return { fault, nth, at: random.below(200) };
    case "delay":
    case "freeze":
      return { fault, nth, turns: 1 + random.below(20) };
    case "drop-reply":
    case "repeat-event":
      return { fault, nth: 1 + random.below(Math.ceil(messages / 4)) };
    default:
      return { fault, nth };
  }
}

/** One message as it went over the wire, or was to. */
export interface TraceLine {
  /** Which connection, counted from 1. */
  readonly connection: number;
  /** `in`: of the client; `out`: of the runtime. */
  readonly direction: "in" | "out";
  /** The message as it went over the wire, or would have. */
  readonly message: Message;
  /** What happened to it instead. */
  readonly fault?: FaultName;
}

const longestTrace = 20_000;

interface Outbox {
  held: number;
  readonly queue: (() => void)[];
}

export interface FaultyWire extends Between {
  readonly trace: readonly TraceLine[];
}

/** Plays a schedule of faults. `kill` ends the runtime at once. */
export function createFaultyWire(faults: readonly Fault[], options: { kill(restart: boolean): void }): FaultyWire {
  const outboxes = new Map<Peer, Outbox>();
  const methods = new Map<string, string>();
  const trace: TraceLine[] = [];
  /** Of a long run the trace keeps the end. */
  const note = (line: TraceLine): void => {
    if (trace.length >= longestTrace) trace.splice(0, longestTrace / 2);
    trace.push(line);
  };
  const inbox: (() => void)[] = [];
  const counts = new Map<Fault, number>();
  const reordered = new Map<Peer, () => void>();
  let messages = 0;
  let incoming = 0;
  let outgoing = 0;
  let frozen = 0;

  const outboxOf = (peer: Peer): Outbox => {
    const known = outboxes.get(peer);
    if (known) return known;
    const made: Outbox = { held: 0, queue: [] };
    outboxes.set(peer, made);
    return made;
  };

  function hold(peer: Peer): () => void {
    const outbox = outboxOf(peer);
    outbox.held += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      outbox.held -= 1;
      while (outbox.held === 0 && frozen === 0 && outbox.queue.length > 0) outbox.queue.shift()?.();
    };
  }

  function freeze(turns: number): void {
    frozen += 1;
    inTurns(turns, () => {
      frozen -= 1;
      while (frozen === 0 && inbox.length > 0) inbox.shift()?.();
      for (const outbox of outboxes.values())
        while (frozen === 0 && outbox.held === 0 && outbox.queue.length > 0) outbox.queue.shift()?.();
    });
  }

  /** Whether this is the n-th time that something is true for a fault. */
  function isNth(fault: Fault & { nth: number }): boolean {
    const count = (counts.get(fault) ?? 0) + 1;
    counts.set(fault, count);
    return count === fault.nth;
  }

  /** What was held back for this message follows it; not in the same turn, or its reader might see them the other way round. */
  function releaseOthers(peer: Peer): void {
    for (const [other, release] of reordered) if (other !== peer) inTurns(2, release);
  }

  /** What happens to a message of the runtime: nothing, or the bytes that are written in its place. */
  function strike(peer: Peer, message: Message): { fault?: FaultName; times: number; cut?: number } {
    const isReply = message.method === undefined && message.id !== null;
    const event = message.method === "session.event" && isRecord(message.params) ? message.params.event : undefined;
    const method = isReply ? methods.get(`${peer.number} ${String(message.id)}`) : undefined;
    for (const fault of faults) {
      if (
        fault.fault === "drop-reply" &&
        isReply &&
        method !== "connect" &&
        (fault.method ?? method) === method &&
        isNth(fault)
      )
        return { fault: "drop-reply", times: 0 };
      if (
        fault.fault === "repeat-event" &&
        isRecord(event) &&
        (fault.type ?? event.type) === event.type &&
        isNth(fault)
      )
        return { fault: "repeat-event", times: 2 };
      if (fault.fault === "cut-frame" && fault.nth === outgoing) return { fault: "cut-frame", times: 1, cut: fault.at };
      if (fault.fault === "delay" && fault.nth === outgoing) inTurns(fault.turns, hold(peer));
      if (fault.fault === "reorder" && fault.nth === outgoing) {
        const release = hold(peer);
        const end = (): void => {
          reordered.delete(peer);
          release();
        };
        reordered.set(peer, end);
        // With nobody else there the order stays as it was.
        inTurns(20, end);
      }
    }
    return { times: 1 };
  }

  function killedAt(count: number): boolean {
    const fault = faults.find((each) => each.fault === "kill" && each.nth === count);
    if (fault?.fault !== "kill") return false;
    options.kill(fault.restart !== false);
    return true;
  }

  return {
    trace,
    incoming(peer, message, deliver) {
      messages += 1;
      incoming += 1;
      if (message.id !== undefined && typeof message.method === "string")
        methods.set(`${peer.number} ${String(message.id)}`, message.method);
      if (killedAt(messages)) {
        note({ connection: peer.number, direction: "in", message, fault: "kill" });
        return;
      }
      note({ connection: peer.number, direction: "in", message });
      for (const fault of faults) if (fault.fault === "freeze" && fault.nth === incoming) freeze(fault.turns);
      if (frozen > 0) inbox.push(deliver);
      else deliver();
    },
    outgoing(peer, message, write) {
      messages += 1;
      outgoing += 1;
      if (killedAt(messages)) {
        note({ connection: peer.number, direction: "out", message, fault: "kill" });
        return;
      }
      const { fault, times, cut } = strike(peer, message);
      note({ connection: peer.number, direction: "out", message, ...(fault === undefined ? {} : { fault }) });
      const frame = encodeFrame(message);
      const act = (): void => {
        if (cut === undefined) for (let time = 0; time < times; time += 1) write(frame);
        else {
          write(Buffer.from(frame).subarray(0, Math.min(cut, Buffer.byteLength(frame) - 1)));
          peer.end();
        }
        releaseOthers(peer);
      };
      const outbox = outboxOf(peer);
      if (frozen > 0 || outbox.held > 0) outbox.queue.push(act);
      else act();
    },
  };
}

/** Runs after so many turns of the event loop. */
export function inTurns(turns: number, act: () => void): void {
  if (turns <= 0) act();
  else setImmediate(() => inTurns(turns - 1, act));
}
