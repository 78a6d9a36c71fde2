/** Hostile input for a connection, from a seed: what comes out of one seed is the same everywhere. */
import { connect, type Rpc } from "latchkey/rpc";
import { frame, hello, memoryPeer, type Sent, sessionEvent, turn } from "./pair.js";

/** A small, quick generator of numbers (mulberry32). */
export function createRandom(seed: number) {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, pick: <T>(items: readonly [T, ...T[]]): T => items[below(items.length)] ?? items[0] };
}
type Random = ReturnType<typeof createRandom>;

const odd = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  "",
  "2.0",
  "session.event",
  "ž🔑",
  [],
  {},
  [[]],
  { id: 0 },
  { code: -32700, message: "m" },
  { __proto__: null, constructor: 1 },
] as const;

function anything(random: Random, depth = 3): unknown {
  if (depth === 0 || random.below(3) > 0) return random.pick(odd);
  if (random.below(2) === 0) return Array.from({ length: random.below(3) }, () => anything(random, depth - 1));
  const names = ["id", "type", "sessionId", "event", "__proto__", "constructor", "x"] as const;
  return Object.fromEntries(
    Array.from({ length: random.below(3) }, () => [random.pick(names), anything(random, depth - 1)]),
  );
}

/** An envelope that is well formed, or has one field that is not. */
function envelope(random: Random, out: readonly Sent[], broken: boolean): Record<string, unknown> {
  // Mostly one of the last requests, so that many are answered; else one that never was.
  const recent = out.slice(-8);
  const id = (random.below(4) > 0 ? recent[random.below(recent.length)]?.id : undefined) ?? random.below(200);
  const whole = random.pick<() => Record<string, unknown>>([
    () => ({ jsonrpc: "2.0", id, result: anything(random) }),
    () => ({ jsonrpc: "2.0", id, error: { code: -32603, message: "m", data: anything(random) } }),
    () => ({ jsonrpc: "2.0", id, method: "userInput.request", params: { question: "?" } }),
    () => ({ jsonrpc: "2.0", id, method: "no.such" }),
    () => ({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id } }),
    () => ({ jsonrpc: "2.0", method: "session.lifecycle", params: { type: "session.created", sessionId: "s" } }),
    () =>
      sessionEvent(
        random.pick(["s", "t", "__proto__"]),
        random.pick(["session.idle", "*", "listener:error", "x"]),
        `e${random.below(50)}`,
      ),
    () => sessionEvent("s", "session.info", "", anything(random)),
  ])();
  if (broken) {
    const name = random.pick(["jsonrpc", "id", "method", "params", "result", "error"]);
    if (random.below(2) === 0) delete whole[name];
    else whole[name] = anything(random);
  }
  return whole;
}

const headers = [
  "Content-Length: 2\r\n\r\n",
  "content-length:2\r\nContent-Type: x\r\n\r\n",
  "Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
  "Content-Length: 999999999999999\r\n\r\n",
  "Content-Length: 70000000\r\n\r\n",
  "Content-Length: -1\r\n\r\n",
  "Content-Length: 0\r\n\r\n",
  "garbage\r\n\r\n",
  "\r\n\r\n",
  ": \r\n\r\n",
] as const;

/** The bytes of one input: whole frames, then perhaps mutated. */
function bytes(random: Random, out: readonly Sent[], hostile: boolean): Buffer {
  const frames = (broken: () => boolean): Buffer =>
    Buffer.concat(Array.from({ length: 1 + random.below(3) }, () => frame(envelope(random, out, broken()))));
  if (!hostile) return frames(() => false);
  const kind = random.below(12);
  if (kind === 0) return Buffer.from(random.pick(headers));
  if (kind === 1) return Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)));
  if (kind === 2) {
    const depth = random.below(2_000);
    const body = `${"[".repeat(depth)}${"]".repeat(random.below(2) ? depth : depth + 1)}`;
    return Buffer.from(`Content-Length: ${body.length}\r\n\r\n${body}`);
  }
  if (kind === 3) return frame(anything(random));
  const whole = frames(() => random.below(2) === 0);
  if (random.below(4) > 0) return whole;
  const mutated = Buffer.from(whole);
  for (let count = 1 + random.below(4); count > 0; count -= 1)
    mutated[random.below(mutated.length)] = random.below(256);
  return random.below(3) === 0 ? mutated.subarray(0, random.below(mutated.length)) : mutated;
}

export interface Tally {
  inputs: number;
  connections: number;
  requests: number;
  /** How requests ended: "result", or the name and code of the error. */
  readonly ends: Map<string, number>;
  /** How connections ended. */
  readonly closes: Map<string, number>;
  listenerErrors: number;
}

export const createTally = (): Tally => ({
  inputs: 0,
  connections: 0,
  requests: 0,
  ends: new Map(),
  closes: new Map(),
  listenerErrors: 0,
});

const count = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);

const allowed =
  /^(result|RpcError (RPC|METHOD_NOT_FOUND|INVALID_PARAMS|SESSION_NOT_FOUND|NOT_RESUMABLE)|ConnectionError (CLOSED|ENDED|PROTOCOL))$/;

/** Feeds one connection `inputs` inputs, or as many as it takes, then ends it; every request must have settled. */
export async function fuzzConnection(seed: number, inputs: number, tally: Tally): Promise<void> {
  const random = createRandom(seed);
  const { target, peer } = memoryPeer();
  const connecting = connect(target);
  peer.answer(await peer.next("connect"), hello);
  const rpc: Rpc = await connecting;
  tally.connections += 1;
  rpc.handle("userInput.request", ({ question }) => ({ answer: question, wasFreeform: true }));
  rpc.events.on("listener:error", () => {
    tally.listenerErrors += 1;
  });
  rpc.events.on("*", ({ event }) => event.type);
  rpc.session("s").events.on("*", (event) => event.id);
  const settled: Promise<string>[] = [];
  // From a peer that keeps to the protocol to one that never does, so that some connections live long.
  const hostility = random.pick([0, 1, 10, 50, 100]);
  let over = false;
  const closed = rpc.closed.then(({ code }) => {
    over = true;
    count(tally.closes, code);
  });

  const ask = (): void => {
    tally.requests += 1;
    const call = random.below(2) === 0 ? rpc.request("ping") : rpc.session("s").request("log", { message: "m" });
    settled.push(
      call.then(
        () => "result",
        (error: unknown) =>
          error instanceof Error ? `${error.name} ${"code" in error ? String(error.code) : ""}` : "no error",
      ),
    );
  };

  for (let at = 0; at < inputs && !over; at += 1) {
    tally.inputs += 1;
    if (random.below(2) === 0) ask();
    const whole = bytes(random, peer.received, random.below(100) < hostility);
    const cut = random.below(4);
    if (cut === 0) for (const byte of whole) peer.raw(Uint8Array.of(byte));
    else if (cut === 1) {
      const middle = random.below(whole.length + 1);
      peer.raw(whole.subarray(0, middle));
      peer.raw(whole.subarray(middle));
    } else peer.raw(whole);
    if (random.below(8) === 0) await turn();
  }
  await turn();
  if (!over) {
    if (random.below(2) === 0) peer.hangUp();
    else await rpc.close();
  }
  await closed;
  ask();
  for (const end of await Promise.all(settled)) {
    if (!allowed.test(end)) throw new Error(`seed ${seed}: a request ended with ${end}`);
    count(tally.ends, end);
  }
  if (tally.listenerErrors > 0) throw new Error(`seed ${seed}: a listener failed that cannot fail`);
}
