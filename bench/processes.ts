import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Contestant } from "./clients/index.js";
import type { Flood, Order, Report, TaskName, Tasks } from "./tasks.js";

export const built = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** A contestant's process, seen from outside. */
export interface Subject extends AsyncDisposable {
  readonly contestant: Contestant;
  ask<T extends TaskName>(task: T, asks: Tasks[T]["asks"]): Promise<Tasks[T]["tells"]>;
}

export interface Peer extends AsyncDisposable {
  readonly port: number;
  flood(flood: Flood): void;
}

export async function startSubject(contestant: Contestant): Promise<Subject> {
  const child = fork(built("subject"), [JSON.stringify({ contestant })], { execArgv: ["--expose-gc"] });
  const report = await nextReport(child);
  if (!("ready" in report)) throw new Error(`${contestant} did not start`);
  return {
    contestant,
    async ask(task, asks) {
      child.send({ task, asks } as Order);
      const report = await nextReport(child);
      if ("told" in report) return report.told as Tasks[typeof task]["tells"];
      throw new Error(`${contestant}, ${task}: ${"failed" in report ? report.failed : "no answer"}`);
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) {
        child.send({ task: "close", asks: {} } satisfies Order);
        await Promise.race([nextReport(child), new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
      }
      await end(child);
    },
  };
}

export async function startPeer(): Promise<Peer> {
  const child = fork(built("peer"), []);
  const { port } = await new Promise<{ port: number }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { port: number }));
    child.once("exit", () => reject(new Error("the peer ended")));
  });
  return {
    port,
    flood: (flood) => void child.send(flood),
    [Symbol.asyncDispose]: () => end(child),
  };
}

function nextReport(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a subject ended with ${code}`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message as Report);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
