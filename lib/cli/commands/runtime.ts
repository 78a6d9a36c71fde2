import { isCode } from "../../base/code.js";
import { ConnectionError } from "../../base/errors.js";
import type { Runtime } from "../../rpc/index.js";
import { exit, Stop, UsageError } from "../exit.js";
import { type Io, oneLine, print, printJson, progress } from "../io.js";
import { checkNote } from "../reach.js";
import {
  makeStateFolder,
  type RuntimeNote,
  readRuntimeNote,
  removeRuntimeNote,
  runtimeFile,
  writeRuntimeNote,
} from "../state-folder.js";

interface StartFlags {
  path?: string | undefined;
  home?: string | undefined;
  "log-level"?: string | undefined;
  json?: boolean | undefined;
}

/** What is known of the noted runtime: it answers, it is gone, or something is there that does not take its token. */
type Found =
  | { readonly answers: true; readonly version: string }
  | { readonly answers: false; readonly why: string; readonly gone: boolean };

/**
 * Whether the noted runtime runs: the noted process listens at the noted place, and takes the random token that it was started
 * with. Nobody is sent that token before.
 */
async function probe(note: RuntimeNote, signal: AbortSignal): Promise<Found> {
  const state = await checkNote(note);
  if (state === "gone") return { answers: false, why: "its process has ended", gone: true };
  if (state === "not-listening")
    return { answers: false, why: "its process does not listen there any more", gone: false };
  const { connect } = await import("../../rpc/index.js");
  try {
    await using rpc = await connect(note.endpoint, { token: note.token, signal, timeoutMs: 5000 });
    return { answers: true, version: rpc.hello.version };
  } catch (error) {
    if (error instanceof ConnectionError)
      return { answers: false, why: error.message, gone: error.code !== "PROTOCOL" };
    if (signal.aborted) throw error;
    return { answers: false, why: "it does not answer", gone: false };
  }
}

export async function start(flags: StartFlags, args: readonly string[], io: Io): Promise<number | undefined> {
  const note = readRuntimeNote();
  if (note !== undefined) {
    const found = await probe(note, io.signal);
    if (found.answers) return await tell(note, { state: "runs already", json: flags.json }, io);
    if (!found.gone) throw new Stop(exit.runtime, `${describe(note)} ${found.why}; end process ${note.pid} yourself`);
    removeRuntimeNote(note);
  }
  const { startRuntime } = await import("../../rpc/index.js");
  using _ = progress(io.err, "starts the runtime");
  const logLevel = logLevelOf(flags["log-level"]);
  const runtime = await startRuntime({
    path: flags.path,
    home: flags.home,
    logLevel,
    args,
    detached: true,
    signal: io.signal,
  });
  return await keepNote(runtime, flags, io);
}

async function keepNote(runtime: Runtime, { json }: StartFlags, io: Io): Promise<number | undefined> {
  const { endpoint, token, pid, version } = runtime;
  const { markRuntime } = await import("../../rpc/index.js");
  const startedAt = new Date().toISOString();
  const note: RuntimeNote = { ...(await markRuntime({ endpoint, pid })), token, version, startedAt };
  try {
    makeStateFolder();
    if (!writeRuntimeNote(note)) {
      throw new Stop(exit.failed, "another latchkey runtime start was faster: its runtime stays, this one was stopped");
    }
  } catch (error) {
    await runtime.stop();
    throw error;
  }
  return await tell(note, { state: "started", json: json }, io);
}

type LogLevel = "none" | "error" | "warning" | "info" | "debug" | "all";
const levels: readonly LogLevel[] = ["none", "error", "warning", "info", "debug", "all"];

function logLevelOf(name: string | undefined): LogLevel | undefined {
  if (name === undefined) return undefined;
  const found = levels.find((each) => each === name);
  if (found === undefined) throw new UsageError(`--log-level is one of: ${levels.join(", ")}`);
  return found;
}

export async function status(flags: { json?: boolean | undefined }, io: Io): Promise<number | undefined> {
  const note = readRuntimeNote();
  if (note === undefined)
    return await nothing("no runtime was started: latchkey runtime start starts one", { json: flags.json }, io);
  const found = await probe(note, io.signal);
  if (found.answers) return await tell(note, { state: "runs", json: flags.json }, io);
  return await nothing(`${describe(note)} does not run: ${found.why}`, { json: flags.json }, io);
}

export async function stop(flags: { json?: boolean | undefined }, io: Io): Promise<number | undefined> {
  const note = readRuntimeNote();
  if (note === undefined) return await nothing("no runtime was started", { json: flags.json }, io);
  const found = await probe(note, io.signal);
  if (found.answers) {
    using _ = progress(io.err, `stops the runtime, process ${note.pid}`);
    if (await endNoted(note)) {
      removeRuntimeNote(note);
      return await tell(note, { state: "stopped", json: flags.json }, io);
    }
  } else if (!found.gone) {
    throw new Stop(exit.runtime, `${describe(note)} ${found.why}; end process ${note.pid} yourself`);
  }
  removeRuntimeNote(note);
  return await nothing(`${describe(note)} was gone already`, { json: flags.json }, io);
}

/** False when the runtime had ended before. */
async function endNoted(note: RuntimeNote): Promise<boolean> {
  const { connect } = await import("../../rpc/index.js");
  const rpc = await connect(note.endpoint, { token: note.token, timeoutMs: 5000 }).catch((error: unknown) => {
    if (error instanceof ConnectionError) return undefined;
    throw error;
  });
  // While this connection is open the process is alive, so no other process has its id.
  if (rpc === undefined || (await checkNote(note)) === "gone") return false;
  end(note.pid, "SIGTERM");
  const late = setTimeout(() => end(note.pid, "SIGKILL"), 3000);
  await rpc.closed;
  clearTimeout(late);
  return true;
}

/** Ignores that the process is gone. */
function end(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isCode(error, "ESRCH")) throw error;
  }
}

/** For a shell's `eval`. */
export async function env(io: Io): Promise<number | undefined> {
  const note = readRuntimeNote();
  if (note === undefined)
    return await nothing("no runtime was started: latchkey runtime start starts one", { json: false }, io);
  const found = await probe(note, io.signal);
  if (!found.answers) return await nothing(`${describe(note)} does not run: ${found.why}`, { json: false }, io);
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  await print(io.out, `export ENDPOINT=${quoted(note.endpoint)}\nexport TOKEN=${quoted(note.token)}`);
  return undefined;
}

const describe = ({ endpoint, pid }: RuntimeNote): string => `the runtime at ${endpoint}, process ${pid},`;

/** Prints the runtime's state without its token. */
async function tell(
  { token: _, processStart: __, ...note }: RuntimeNote,
  { state, json }: { state: string; json: boolean | undefined },
  io: Io,
): Promise<undefined> {
  if (json) await printJson(io.out, { state, ...note, file: runtimeFile() });
  else await print(io.out, `${state}: runtime ${oneLine(note.version)} at ${note.endpoint}, process ${note.pid}`);
}

async function nothing(why: string, { json }: { json: boolean | undefined }, io: Io): Promise<number> {
  if (json) await printJson(io.out, { state: "none", why });
  else await print(io.err, oneLine(why));
  return exit.nothing;
}
