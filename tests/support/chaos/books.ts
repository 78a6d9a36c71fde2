/** What is looked at when a round is over, or has gone wrong. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestRuntime, World } from "../world.js";
import type { Schedule } from "./schedule.js";

/** The last events of the session, by type. */
export async function logOf(testRuntime: TestRuntime, sessionId: string): Promise<string> {
  try {
    await using rpc = await testRuntime.connect();
    const { events } = await rpc.session(sessionId).request("eventLog.read", { max: 1000 });
    return events
      .slice(-80)
      .map(({ type, timestamp }) => `${timestamp.slice(17, -1)} ${type}`)
      .join(", ");
  } catch (error) {
    return String(error);
  }
}

/** Runs of the tool beyond one a step; a step without any is a problem. */
export function countAgain(world: World, schedule: Schedule, problems: string[]): number {
  let again = 0;
  for (const [index, { kind }] of schedule.steps.entries()) {
    if (kind !== "echo") continue;
    const runs = world.mcp.runs.filter((run) => run.arguments.text === `result-${index}`).length;
    if (runs === 0) problems.push(`step ${index} never ran`);
    again += Math.max(0, runs - 1);
  }
  return again;
}

/** Files of the folder that a token lies in. */
export async function secretsIn(folder: string, world: World): Promise<string[]> {
  const tokens = new Set(world.mcp.knocks.flatMap(({ token }) => (token === undefined ? [] : [token])));
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes(join(".cache", "copilot", "pkg"))) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name)).catch(() => Buffer.alloc(0));
    for (const token of tokens) if (bytes.includes(token)) found.push(`a token lies in ${entry.name}`);
  }
  return found;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
