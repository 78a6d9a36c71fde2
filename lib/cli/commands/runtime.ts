import { ConnectionError } from "../../base/errors.js";
import type { Runtime } from "../../rpc/index.js";
import { exit, Stop, UsageError } from "../exit.js";
import { type Io, oneLine, print, printJson, progress } from "../io.js";
import {
  makeStateFolder,
  type RuntimeNote,
  readRuntimeNote,
  removeRuntimeNote,
  runtimeFile,
  writeRuntimeNote,
} from "../place.js";

interface StartGiven {
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
 * Whether the noted runtime runs. Only it has the random token that it was started with, so that a successful handshake proves
 * that it is the same process, and that its process id is still its own.
 */
async function look(note: RuntimeNote, signal: AbortSignal): Promise<Found> {
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

export async function start(given: StartGiven, args: readonly string[], io: Io): Promise<number | undefined> {
  const note = readRuntimeNote();
  if (note !== undefined) {
    const found = await look(note, io.signal);
    if (found.answers) return await tell(note, "runs already", given.json, io);
    if (!found.gone) throw new Stop(exit.runtime, `${describe(note)} ${found.why}; end process ${note.pid} yourself`);
    removeRuntimeNote(note);
  }
  const { startRuntime } = await import("../../rpc/index.js");
  using _ = progress(io.err, "starts the runtime");
  const logLevel = level(given["log-level"]);
  const runtime = await startRuntime({
    path: given.path,
    home: given.home,
    logLevel,
    args,
    detached: true,
    signal: io.signal,
  });
  return await keepNote(runtime, given.json, io);
}

async function keepNote(runtime: Runtime, json: boolean | undefined, io: Io): Promise<number | undefined> {
  const { endpoint, token, pid, version } = runtime;
  const note: RuntimeNote = { endpoint, token, pid, version, startedAt: new Date().toISOString() };
  try {
    makeStateFolder();
    if (!writeRuntimeNote(note, { replace: false })) {
      throw new Stop(exit.failed, "another latchkey runtime start was quicker; its runtime stays, this one is ended");
    }
  } catch (error) {
    await runtime.stop();
    throw error;
  }
  return await tell(note, "started", json, io);
}

type LogLevel = "none" | "error" | "warning" | "info" | "debug" | "all";
const levels: readonly LogLevel[] = ["none", "error", "warning", "info", "debug", "all"];

function level(given: string | undefined): LogLevel | undefined {
  if (given === undefined) return undefined;
  const found = levels.find((each) => each === given);
  if (found === undefined) throw new UsageError(`--log-level is one of: ${levels.join(", ")}`);
  return found;
}

export async function status(given: { json?: boolean | undefined }, io: Io): Promise<number | undefined> {
  const note = readRuntimeNote();
  if (note === undefined)
    return await nothing("no runtime was started: latchkey runtime start starts one", given.json, io);
  const found = await look(note, io.signal);
  if (found.answers) return await tell(note, "runs", given.json, io);
  return await nothing(`${describe(note)} does not run: ${found.why}`, given.json, io);
}

export async function stop(given: { json?: boolean | undefined }, io: Io): Promise<number | undefined> {
  const note = readRuntimeNote();
  if (note === undefined) return await nothing("no runtime was started", given.json, io);
  const { connect } = await import("../../rpc/index.js");
  const found = await look(note, io.signal);
  if (!found.answers) {
    if (!found.gone) throw new Stop(exit.runtime, `${describe(note)} ${found.why}; end process ${note.pid} yourself`);
    removeRuntimeNote(note);
    return await nothing(`${describe(note)} was gone already`, given.json, io);
  }
  using _ = progress(io.err, `stops the runtime, process ${note.pid}`);
  // While this connection is open the process is alive, and so its id belongs to nobody else.
  const rpc = await connect(note.endpoint, { token: note.token, timeoutMs: 5000 });
  process.kill(note.pid, "SIGTERM");
  const late = setTimeout(() => process.kill(note.pid, "SIGKILL"), 3000);
  await rpc.closed;
  clearTimeout(late);
  removeRuntimeNote(note);
  return await tell(note, "stopped", given.json, io);
}

const describe = ({ endpoint, pid }: RuntimeNote): string => `the runtime at ${endpoint}, process ${pid},`;

/** The token stays in its file. */
async function tell(
  { token: _, ...note }: RuntimeNote,
  state: string,
  json: boolean | undefined,
  io: Io,
): Promise<undefined> {
  if (json) await printJson(io.out, { state, ...note, file: runtimeFile() });
  else await print(io.out, `${state}: runtime ${oneLine(note.version)} at ${note.endpoint}, process ${note.pid}`);
}

async function nothing(why: string, json: boolean | undefined, io: Io): Promise<number> {
  if (json) await printJson(io.out, { state: "none", why });
  else await print(io.err, oneLine(why));
  return exit.nothing;
}
