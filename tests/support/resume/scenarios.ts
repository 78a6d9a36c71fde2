import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { onDisk, type Program, type RuntimeUnderTest } from "../world.js";
import type { Processes } from "./processes.js";

/** Until a tool call of the session waits for a token that the server accepts. */
export async function waitInsideTool(processes: Processes): Promise<{ host: Program; id: string }> {
  const { world, testRuntime, sessionId } = processes;
  const host = await processes.host("create");
  await processes.prelude(host);
  world.authorization.revokeAll();
  world.model.say({ tool: "whoami" });
  host.tell({ type: "prompt", prompt: "Who am I?" });
  const { id } = await processes.entry(({ state, kind }) => state === "open" && kind === "mcp.oauth_required");
  await onDisk(testRuntime.home, sessionId, "whoami");
  return { host, id };
}

/** By a broker, while nobody is connected to the runtime. */
export async function answerNow(processes: Processes, id: string): Promise<void> {
  const broker = await processes.broker();
  assert.is((await broker.next("answered")).id, id);
  await broker.kill();
}

/** The answer that waits in the ledger serves the resumed session: nobody is asked again. */
export async function resumeAnswered(
  processes: Processes,
  id: string,
  under: RuntimeUnderTest,
  { mayBeClosed = false } = {},
): Promise<void> {
  const { world, ledger } = processes;
  const host = await processes.host("resume");
  const ready = await host.next("ready");
  assert.equal([ready.cold, ready.seeded, ready.lost], [true, ["notes"], [id]]);
  assert.equal([ready.waiting, ready.askedAgain], [[], []]);
  const interrupted = Array.isArray(ready.interrupted) ? ready.interrupted.length : Number.NaN;
  if (!mayBeClosed) assert.is(interrupted, under.retries ? 0 : 1);
  if (interrupted === 0) {
    assert.ok(under.retries, "only this one makes the call again");
    await host.next("idle");
    assert.equal(world.model.toolResults(), ["here", "ada"]);
  } else {
    assert.equal(processes.tools(), ["echo"]);
    await turn(processes, host);
    assert.is(world.model.toolResults().at(-1), "ada");
  }
  assert.equal(processes.tools(), ["echo", "whoami"]);
  assert.is(world.authorization.issued.byCode, 2, "no token more than was needed");
  assert.is((await ledger.list()).length, 2);
  const asked = await ledger.get(id);
  assert.equal([asked?.state, asked?.outcome], ["settled", "seeded"]);
}

export async function turn(processes: Processes, host: Program): Promise<void> {
  processes.world.model.say({ tool: "whoami" });
  host.tell({ type: "prompt", prompt: "Who am I, then?" });
  await processes.world.mcp.ran("whoami");
  await host.next("idle");
}

export async function unloaded(processes: Processes): Promise<void> {
  await using rpc = await processes.testRuntime.connect();
  const session = rpc.session(processes.sessionId);
  for (;;) {
    const error = await session.request("eventLog.tail").then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) {
      assert.match(String(error), "not found");
      return;
    }
  }
}

export async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    // The program's own files, which it unpacks, are none of ours.
    if (!entry.isFile() || entry.parentPath.includes(join(".cache", "copilot", "pkg"))) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
