import { PassThrough, type Readable, type Writable } from "node:stream";
import { isRecord } from "../base/record.js";
import { type Likeness, likenesses, traits } from "./likeness.js";
import { createPeer, type Message, type Peer, plainly } from "./peer.js";

/** A runtime that says again what a recording has. */
export interface Replay {
  /** A connection to it, in memory: `connect(replay.streams())`. */
  streams(): { readable: Readable; writable: Writable };
  /** Recorded calls that nobody has made yet. */
  readonly left: readonly string[];
}

type Line = Readonly<Record<string, unknown>>;

/** One call of the recording, what came before its reply, and what came after it until the next call. */
interface Scene {
  readonly method: string;
  readonly said: Line[];
}

/**
 * Answers each call with the reply that the first recorded call of the same method had, and says around it what the runtime said then.
 * A call that the recording does not have is refused with `-32603`.
 * @throws TypeError when the lines are no recording.
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { connect } from "latchkey/rpc";
 * import { replay } from "latchkey/testing";
 *
 * const again = replay((await readFile("session.jsonl", "utf8")).trim().split("\n"));
 * await using rpc = await connect(again.streams());
 * console.log(rpc.hello.version, again.left);
 * ```
 */
export function replay(lines: readonly string[]): Replay {
  const recorded = lines.map(read);
  const hello = recorded[0]?.hello;
  if (!isRecord(hello) || recorded[0]?.v !== 1) throw new TypeError("the lines are no recording of version 1");
  const greeting = { ok: true, ...hello };
  const like: Likeness = likenesses.find((name) => name === hello.version) ?? "1.0.102";
  const scenes = scenesOf(recorded.slice(1));

  function receive(peer: Peer, message: Message): void {
    const { id, method } = message;
    if (id === undefined) return;
    const say = (body: Line): void => peer.send({ jsonrpc: "2.0", ...body });
    if (method === "connect") {
      say({ id, result: greeting });
      return;
    }
    const index = scenes.findIndex((scene) => scene.method === method);
    const [scene] = index < 0 ? [] : scenes.splice(index, 1);
    if (!scene) {
      say({ id, error: { code: -32603, message: `the recording has no other call of ${String(method)}` } });
      return;
    }
    for (const line of scene.said)
      if ("notification" in line) say({ method: line.notification, params: line.params });
      else say({ id, ...("error" in line ? { error: line.error } : { result: line.result }) });
  }

  let connections = 0;
  return {
    streams() {
      const [up, down] = [new PassThrough(), new PassThrough()];
      connections += 1;
      const duplex = { readable: up, writable: down };
      const options = { number: connections, trusted: true, traits: traits[like], between: plainly };
      createPeer(duplex, { ...options, receive, gone: () => undefined });
      return { readable: down, writable: up };
    },
    get left() {
      return scenes.map(({ method }) => method);
    },
  };
}

function read(line: string): Line {
  try {
    const value: unknown = JSON.parse(line);
    if (isRecord(value)) return value;
  } catch {
    // Said below: the line itself may be anything.
  }
  throw new TypeError("a line of the recording is no JSON object");
}

/** What was said belongs to the call that was made last; a reply to the call that it answers. */
function scenesOf(lines: readonly Line[]): Scene[] {
  const scenes: Scene[] = [];
  const calls = new Map<unknown, Scene>();
  for (const line of lines) {
    if (typeof line.method === "string") {
      const scene: Scene = { method: line.method, said: [] };
      scenes.push(scene);
      calls.set(line.call, scene);
    } else if ("reply" in line) calls.get(line.reply)?.said.push(line);
    else scenes.at(-1)?.said.push(line);
  }
  return scenes;
}
