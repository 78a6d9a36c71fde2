import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Message } from "../world/processes.js";

const run = promisify(execFile);
const ip = async (...args: string[]): Promise<unknown> => await run("ip", args);

/** Hosts of a test's own: network namespaces, each with one cable to a third one, and this process with one too. */
export interface Network extends AsyncDisposable {
  readonly center: string;
  /** The center's address as each end sees it. */
  readonly address: Readonly<Record<End, string>>;
  readonly hosts: Readonly<Record<"a" | "b", string>>;
  cut(end: End): Promise<void>;
  mend(end: End): Promise<void>;
}

type End = "a" | "b" | "here";

/** The reason why there can be none, where namespaces are not permitted. */
export async function openNetwork(): Promise<Network | string> {
  const name = `lk${process.pid}`;
  const center = `${name}c`;
  const hosts = { a: `${name}a`, b: `${name}b` };
  const net = `10.${100 + (process.pid % 100)}`;
  const address = { a: `${net}.1.1`, b: `${net}.2.1`, here: `${net}.3.1` };
  const ends: readonly End[] = ["a", "b", "here"];
  const close = async (): Promise<void> => {
    for (const space of [center, hosts.a, hosts.b]) await ip("netns", "del", space).catch(() => undefined);
    // The cable goes with its other end, but not at once.
    await ip("link", "del", `${name}x2`).catch(() => undefined);
  };
  try {
    await ip("netns", "add", center);
    await ip("netns", "add", hosts.a);
    await ip("netns", "add", hosts.b);
    for (const [i, end] of ends.entries()) {
      const [inner, outer] = [`${name}c${i}`, `${name}x${i}`];
      await ip("link", "add", inner, "type", "veth", "peer", "name", outer);
      await ip("link", "set", inner, "netns", center);
      await ip("-n", center, "addr", "add", `${address[end]}/24`, "dev", inner);
      await ip("-n", center, "link", "set", inner, "up");
      const space = end === "here" ? [] : ["-n", hosts[end]];
      if (end !== "here") await ip("link", "set", outer, "netns", hosts[end]);
      await ip(...space, "addr", "add", `${address[end].replace(/1$/, "2")}/24`, "dev", outer);
      await ip(...space, "link", "set", outer, "up");
    }
    await ip("-n", center, "link", "set", "lo", "up");
  } catch (error) {
    await close();
    return `network namespaces are not permitted here: ${String(error).split("\n")[0]}`;
  }
  const cable = (end: End): string => `${name}c${ends.indexOf(end)}`;
  return {
    center,
    hosts,
    address,
    cut: async (end) => void (await ip("-n", center, "link", "set", cable(end), "down")),
    mend: async (end) => void (await ip("-n", center, "link", "set", cable(end), "up")),
    [Symbol.asyncDispose]: close,
  };
}

export interface Guest extends AsyncDisposable {
  readonly messages: readonly Message[];
  /** Resolves when it has said this so often. */
  said(type: string, times: number): Promise<void>;
  readonly exited: Promise<number | null>;
}

/** Runs a built program on one of the hosts. */
export function startGuest(host: string, path: string, given: unknown): Guest {
  const child = spawn("ip", ["netns", "exec", host, process.execPath, path], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, GIVEN: JSON.stringify(given) },
  });
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    messages.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    messages,
    exited,
    said: (type, times) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (messages.filter((message) => message.type === type).length < times) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
