import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Resolves when the runtime has this on disk: it writes a session's events a little later than it says them. */
export async function onDisk(home: string, sessionId: string, text: string, timeoutMs = 5000): Promise<void> {
  const path = join(home, ".copilot/session-state", sessionId, "events.jsonl");
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await delay(20)) {
    if ((await readFile(path, "utf8").catch(() => "")).includes(text)) return;
  }
  throw new Error(`the runtime has no ${text} of session ${sessionId} on disk`);
}
