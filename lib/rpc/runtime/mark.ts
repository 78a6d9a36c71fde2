/** Loaded when a runtime is marked or checked. */
const processes = () => import("./processes.js");

/**
 * What tells a noted runtime from whatever has its process id or its port later. Plain JSON, to be kept beside the endpoint.
 * Process ids and ports are given out again: after a crash or a restart of the machine a stranger may have either.
 */
export interface RuntimeMark {
  /** `tcp://127.0.0.1:41234`. */
  readonly endpoint: string;
  /** The runtime's process id. */
  readonly pid: number;
  /** When the process began, in the words of the operating system; only good for comparing. Left out where it says nothing. */
  readonly processStart?: string;
}

/**
 * - `running`: the same process, and it listens at the endpoint.
 * - `gone`: no process has this id, or a later one does. Never signal it, and send no token to the endpoint.
 * - `not-listening`: the same process, but somebody else has the port, or nobody. Send no token to the endpoint.
 * - `unknown`: this operating system does not say, or the mark has no start time. Nothing is proved.
 */
export type MarkedState = "running" | "gone" | "not-listening" | "unknown";

/**
 * Marks a runtime that runs, so that `checkMark` knows it again, from any process of the same machine and user.
 * @example
 * ```ts
 * import { writeFile } from "node:fs/promises";
 * import { markRuntime, startRuntime } from "latchkey/rpc";
 *
 * const runtime = await startRuntime({ detached: true });
 * await writeFile("runtime.json", JSON.stringify(await markRuntime(runtime)));
 * ```
 */
export async function markRuntime({ endpoint, pid }: { endpoint: string; pid: number }): Promise<RuntimeMark> {
  const { startOf } = await processes();
  const processStart = await startOf(pid);
  return { endpoint, pid, ...(typeof processStart === "string" ? { processStart } : {}) };
}

/**
 * Whether process id, start of the process and listening port are still those of the marked runtime. Sends nothing to anyone.
 * @throws TypeError when the mark's endpoint is no URL
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { checkMark } from "latchkey/rpc";
 *
 * const mark = JSON.parse(await readFile("runtime.json", "utf8"));
 * if ((await checkMark(mark)) === "running") console.log(`still there at ${mark.endpoint}`);
 * ```
 */
export async function checkMark(mark: RuntimeMark): Promise<MarkedState> {
  const { listensAt, startOf } = await processes();
  const start = await startOf(mark.pid);
  if (start === null) return "gone";
  if (start === undefined || mark.processStart === undefined) return "unknown";
  if (start !== mark.processStart) return "gone";
  const listens = await listensAt(mark.pid, new URL(mark.endpoint));
  // It may have ended, and another process may have its id and port, since the start was read.
  if ((await startOf(mark.pid)) !== start) return "gone";
  return listens === undefined ? "unknown" : listens ? "running" : "not-listening";
}
