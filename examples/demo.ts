/**
 * npm run demo: an OAuth request of the real Copilot runtime is written down by one process, which is killed. Another begins the sign-in, a third
 * finishes it, a fourth keeps the session. A second need is answered from what was kept, without a person. Nothing leaves this machine.
 *
 * Everything that is started is ended here, however the demo ends; the children end by themselves when it is killed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Runtime, startRuntime } from "latchkey/rpc";
import type { ModelMessage, ModelRequest, Reply } from "../tests/support/world/model.js";
import { type Program, startScript } from "../tests/support/world/processes.js";
import { openWorld, type World } from "../tests/support/world/scenario.js";
import { openTimeline, type Role } from "./demo/timeline.js";

const note = "written after its host was gone";
const prompt = "Write a note.";
const script: Reply[] = [
  { tool: "write", arguments: { text: note } },
  ({ messages }: ModelRequest) => ({ text: `The tool said: ${lastToolResult(messages)}` }),
  { tool: "whoami" },
];
const limitMs = 60_000;

const timeline = openTimeline(process.stdout);
const stopped = new AbortController();
const cleanups: (() => Promise<unknown>)[] = [];
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    process.exitCode = signals[signal];
    stopped.abort(new Error(`stopped by ${signal}`));
  });

const timer = setTimeout(() => stopped.abort(new Error(`not over after ${limitMs} ms`)), limitMs);
const interrupted = new Promise<never>((_, reject) => {
  stopped.signal.addEventListener("abort", () => reject(stopped.signal.reason), { once: true });
});

const playing = play();
try {
  const result = await Promise.race([playing, interrupted]);
  process.stdout.write(`\nThe tool's result: ${result}\n`);
} catch (error) {
  process.stdout.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode ??= 1;
} finally {
  clearTimeout(timer);
  stopped.abort();
  await cleanUp();
  // What was being started when it was stopped is there now.
  await playing.catch(() => undefined);
  await cleanUp();
}

async function cleanUp(): Promise<void> {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup().catch(() => undefined);
}

async function play(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-demo-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const world = await openWorld({ script });
  cleanups.push(world.close);
  tell("demo", process.pid, "starts an MCP server, its authorization server, a scripted model and the runtime");
  const { endpoint, token } = await openRuntime(folder);
  const ledger = join(folder, "ledger.db");

  const keeper = open("keeper", { ledger, endpoint, token });
  await keeper.next("ready");
  const host = open("host", { ledger, endpoint, token, prompt, places: world.places });
  const broker = open("broker", { ledger });
  const callback = open("callback", { ledger });
  const signIn = async (): Promise<void> => {
    broker.tell({ type: "work" });
    callback.tell({ type: "callback", url: await consent(String((await broker.next("open")).url)) });
  };

  await keeper.next("held");
  await recorded(host, "initial");
  await signIn();

  await recorded(host, "upscope");
  await host.kill();
  tell(
    "demo",
    process.pid,
    `has killed the host (kill -9 ${host.pid}): its request is still open, the tool call waits`,
  );
  await signIn();
  await keeper.next("idle");

  world.authorization.revokeAll();
  tell("demo", process.pid, "has ended every access token at the authorization server");
  keeper.tell({ type: "prompt", prompt: "Who am I?" });
  broker.tell({ type: "work" });
  await keeper.next("idle");
  return outcome(world);
}

/** The person's browser: it opens the URL, consents, and is sent back. */
async function consent(url: string): Promise<string> {
  const response = await fetch(url, { redirect: "manual", signal: stopped.signal });
  tell("demo", process.pid, "has signed in with the browser: it is sent to the callback");
  return response.headers.get("location") ?? "";
}

async function openRuntime(home: string): Promise<Runtime> {
  const runtime = await startRuntime({ home, cwd: home, signal: stopped.signal });
  const kill = (): boolean => process.kill(runtime.pid, "SIGKILL");
  process.once("exit", kill);
  void runtime.exited.then(() => process.off("exit", kill));
  cleanups.push(() => runtime.stop({ graceMs: 500 }));
  tell("runtime", runtime.pid, `${runtime.version} listens at ${runtime.endpoint}`);
  return runtime;
}

function open(role: Role & ("host" | "keeper" | "broker" | "callback"), given: Record<string, unknown>): Program {
  stopped.signal.throwIfAborted();
  const program = startScript(fileURLToPath(new URL(`demo/${role}.js`, import.meta.url)), { given });
  cleanups.push(program.close);
  void show(role, program);
  return program;
}

/** Prints what a program says it did, until it ends; an end that nobody asked for ends the demo. */
async function show(role: Role, program: Program): Promise<void> {
  try {
    for (;;) tell(role, program.pid, String((await program.next("did")).what));
  } catch (error) {
    const { signal } = await program.exited;
    if (signal !== "SIGKILL") stopped.abort(error);
  }
}

async function recorded(host: Program, reason: string): Promise<void> {
  const message = await host.next("recorded");
  if (message.reason !== reason) throw new Error(`the runtime asked for "${message.reason}" instead of "${reason}"`);
}

function outcome(world: World): string {
  const [result, who] = world.model.toolResults();
  const { byCode, byRefresh } = world.authorization.issued;
  if (result !== note || who !== "ada") throw new Error(`the tools said ${JSON.stringify([result, who])}`);
  if (byCode !== 2 || byRefresh !== 1) throw new Error(`${byCode} sign-ins and ${byRefresh} refreshes, not 2 and 1`);
  return JSON.stringify(result);
}

function lastToolResult(messages: readonly ModelMessage[]): string {
  return JSON.stringify(messages.filter(({ role }) => role === "tool").at(-1)?.content);
}

function tell(role: Role, pid: number, what: string): void {
  if (!stopped.signal.aborted) timeline.tell(role, pid, what);
}
